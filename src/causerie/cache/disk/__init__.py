"""What a cache has of ended texts, in files: so that a chat goes on at once when the program is started again."""
