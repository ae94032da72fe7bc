"""Duplicates: exact groups, MinHash candidates, true similarity, and who stays."""
