"""How many drafted tokens a step checks: what steps cost, how often drafts are right, and the choice between them."""
