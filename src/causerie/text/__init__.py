"""Tokens to text and back, exactly; knows no engine and no torch."""
