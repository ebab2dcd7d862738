"""Weights of a checkpoint on their way into a backend, and back to files."""
