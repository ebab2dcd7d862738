"""config.json, turned into a typed spec and a decoder written once."""
