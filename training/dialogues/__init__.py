"""The generator of the built-in model's dialogues: facts as data, questions from grammars, answers composed from facts."""
