"""The words of a command line: options that verbs share, and generate flags."""
