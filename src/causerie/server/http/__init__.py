"""HTTP in front of the engine: routes, guards, bodies and streams. Knows no model."""
