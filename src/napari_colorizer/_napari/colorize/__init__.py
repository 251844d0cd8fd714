"""The dock ``Colorize``."""
