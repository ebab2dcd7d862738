"""Matrices that files hold quantized already: a file for each program that writes such checkpoints, and a table."""
