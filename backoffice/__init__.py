"""Backoffice: the admin-first back office for product catalogues and their content."""

__version__ = "0.1.0"
