"""The chat in a terminal: its loop, what is typed into it, and the files that it keeps and sends."""
