"""Labeled sets, training and evaluation."""
