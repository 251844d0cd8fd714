"""Sittings: all that a person has said of one image, kept in a folder or an archive, and the colors as files."""
