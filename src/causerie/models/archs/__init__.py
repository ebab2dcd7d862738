"""One file per model family; the file's name is the model_type."""
