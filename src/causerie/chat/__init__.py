"""Messages and templates; knows no engine and no torch."""
