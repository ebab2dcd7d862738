"""`generate` and its flags: what is asked, decided, looked on and answered."""
