"""Commands, each a thin call of an operation."""
