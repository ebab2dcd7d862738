"""Who guesses tokens for a loaded model."""
