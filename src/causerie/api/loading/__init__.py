"""From a model's name to a loaded one, and back to a folder."""
