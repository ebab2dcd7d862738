"""From logits to tokens, per request."""
