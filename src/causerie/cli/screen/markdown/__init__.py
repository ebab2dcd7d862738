"""Markdown of an answer as a terminal shows it, while it streams."""
