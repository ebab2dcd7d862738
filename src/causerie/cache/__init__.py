"""Blocks of keys and values: who owns them, who shares them, which prefix they hold."""
