"""Scores of any Hugging Face causal language model: bits per byte, last-word cloze, generations, comparisons."""
