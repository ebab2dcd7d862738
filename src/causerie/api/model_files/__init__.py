"""What the files of a model say of it, before and beside its weights."""
