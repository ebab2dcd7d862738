"""A GGUF file's vocabulary as a tokenizer: what `tokenizer.ggml.*` says, in the terms of tokenizer.json."""
