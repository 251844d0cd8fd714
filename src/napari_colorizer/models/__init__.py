"""Models: class map and networks in one file, the library of installed models, the bundled default."""
