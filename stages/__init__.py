"""One short module per DVC stage. Stages never import each other: they meet only in files."""
