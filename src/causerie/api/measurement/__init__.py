"""How fast and how good a loaded model is, and what was to be expected of it."""
