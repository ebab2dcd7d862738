"""Models of GGUF files: their metadata as the values of a config.json, their tensors as the weights of a decoder."""
