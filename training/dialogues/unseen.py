"""To be written."""
FORMS: dict = {}
FOLLOW: dict = {}
