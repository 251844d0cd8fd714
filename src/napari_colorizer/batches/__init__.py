"""Many images at once: folders, stacks and zarr stores, resumed where they stopped, here or on other machines."""
