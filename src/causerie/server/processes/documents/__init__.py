"""The text of files that readers attach, taken in a process that can be killed."""
