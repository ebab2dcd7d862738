"""`pipeline("text-generation")`."""
