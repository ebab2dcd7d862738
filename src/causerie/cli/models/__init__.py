"""What `causerie models` shows: lists, pages and scores, for people and as JSON."""
