"""The Hugging Face hub: asking it, and a cache in the layout that every program of the field shares. Knows no model."""
