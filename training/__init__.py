"""How the built-in model is made: dialogues, tokenizer, network, training, evaluation."""
