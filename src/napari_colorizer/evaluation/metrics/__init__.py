"""Measures of colored images and of label maps, and what a model has to beat."""
