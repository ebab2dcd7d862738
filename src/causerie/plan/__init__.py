"""What this machine has, and what a model would need of it."""
