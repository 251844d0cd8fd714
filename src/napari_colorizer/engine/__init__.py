"""From images and label maps to colors, with the networks of a model."""
