"""The tokenizer: SentencePiece training, exact conversion to a fast Hugging Face tokenizer, and its measures."""
