"""The vocabulary of operations and the two machines that speak it."""
