"""Markdown for the page, rendered in a process that can be killed."""
