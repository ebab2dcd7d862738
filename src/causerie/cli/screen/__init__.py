"""What the terminal shows: lines, answers as they stream, Markdown, and what a model says to itself."""
