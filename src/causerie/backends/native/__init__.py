"""The operations as a traced program for our own CPU kernels."""
