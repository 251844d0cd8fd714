"""How well a model colors and segments."""
