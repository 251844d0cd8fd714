"""What both docks use."""
