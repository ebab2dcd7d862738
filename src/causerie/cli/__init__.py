"""The `causerie` command. Knows the library only through `api`."""
