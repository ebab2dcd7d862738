"""How a model is to be held and where it is to run: the values that loading is given."""
