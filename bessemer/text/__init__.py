"""Text as arrays: words, their hashes, and n-grams of them, for a batch of documents at a time."""
