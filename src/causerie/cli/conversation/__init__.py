"""What the chat talks to: a model here, or one behind another server."""
