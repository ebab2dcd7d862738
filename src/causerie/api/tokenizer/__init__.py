"""`AutoTokenizer`'s tokenizer: text and chats to encodings and back."""
