"""A weight: its format, its buffers, its shape."""
