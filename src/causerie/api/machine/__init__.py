"""What this machine is, what it was measured to do, and what else goes on in it."""
