"""Small faults put into the source one at a time, and which of them the tests notice (`make mutants`)."""
