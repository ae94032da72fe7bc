"""The model: a decoder whose weights carry the names of Qwen3 and Llama."""
