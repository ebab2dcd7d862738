"""One file for each architecture of GGUF, named after it, with _ for -."""
