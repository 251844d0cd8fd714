"""What the plugin costs a window, measured in a real one."""
