"""GGUF files: a header of metadata and tensors, read without trusting it, and their bytes as a `TensorIndex`."""
