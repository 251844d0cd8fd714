"""Labeled sets: their forms on the disk, their checks, and their images in memory."""
