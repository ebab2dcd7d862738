"""Drafters that are models: the model's own shadow, and another model that knows the same tokens."""
