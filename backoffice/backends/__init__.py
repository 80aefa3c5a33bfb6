"""What can be swapped by settings."""
