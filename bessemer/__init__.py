"""Bessemer: raw text in, evaluated language-model checkpoint out."""

__version__ = "0.1.0"
