"""The causerie command: one small file per verb, and the parts they share. Knows the library only through `api`."""
