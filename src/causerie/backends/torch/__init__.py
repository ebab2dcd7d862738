"""The operations in plain torch, on any torch device."""
