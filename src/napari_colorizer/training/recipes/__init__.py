"""Recipes: sets of training options, as TOML files."""
