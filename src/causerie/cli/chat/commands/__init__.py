"""What can be typed in a chat instead of a message."""
