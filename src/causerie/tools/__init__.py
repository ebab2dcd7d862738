"""Tools that a model may ask for: those of the MCP servers which the user names in a file, listed and called.

Knows no HTTP of ours, no terminal and no model: who may call what is asked above.
"""
