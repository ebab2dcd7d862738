"""Which models there are, here and on the hub, and which of them to take."""
