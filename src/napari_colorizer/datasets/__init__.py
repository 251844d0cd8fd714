"""Labeled sets of photographs: found, read, checked and collected."""
