"""The causerie command."""
