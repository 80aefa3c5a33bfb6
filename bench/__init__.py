"""Measuring Backoffice: big catalogues and the questions put to them."""
