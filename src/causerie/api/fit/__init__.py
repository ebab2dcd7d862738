"""Whether a model runs on a machine, in which precision and how fast, before its weights are read."""
