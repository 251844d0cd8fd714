"""The dock ``Train``."""
