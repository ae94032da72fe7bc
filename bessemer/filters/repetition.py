"""How much of a text is repeated: lines, paragraphs and word n-grams, as shares (Gopher, Rae et al. 2021, table A1).

An occurrence after the first is a duplicate, for lines, paragraphs and n-grams alike.
"""

import numpy as np
from numpy.typing import NDArray

from bessemer.text.counts import Counts
from bessemer.text.measure import DUPLICATE_SIZES, TOP_SIZES, Counted

__all__ = ["DUPLICATE_SIZES", "TOP_SIZES", "line_shares", "ngram_shares", "word_ngram_shares"]


def line_shares(counts: Counts) -> dict[str, NDArray[np.float64]]:
    """Shares of lines and paragraphs that occurred before, as they stand, and of the characters in them.

    Characters in lines are shares of all but line breaks, as in FineWeb; those in paragraphs of all.
    """
    inside = counts.of(Counted.CHARACTERS) - counts.of(Counted.NEWLINES)
    return {
        "duplicate_line_fraction": counts.share(Counted.DUPLICATE_LINES, Counted.TEXT_LINES),
        "duplicate_line_characters": counts.of(Counted.DUPLICATE_LINE_CHARACTERS) / np.maximum(inside, 1.0),
        "duplicate_paragraph_fraction": counts.share(Counted.DUPLICATE_PARAGRAPHS, Counted.PARAGRAPHS),
        "duplicate_paragraph_characters": counts.share(Counted.DUPLICATE_PARAGRAPH_CHARACTERS, Counted.CHARACTERS),
    }


def ngram_shares(counts: Counts) -> dict[str, NDArray[np.float64]]:
    """Shares of the characters of each document that repeated n-grams make up.

    ``top_{n}_gram_characters``: the n-gram that occurs most often (of several, the first), with a space between its
    words, times its occurrences; 0 if no n-gram occurs twice. Overlapping occurrences all count, so it is cut at 1.
    ``duplicate_{n}_gram_characters``: from left to right, an n-gram that occurred before is counted and passed over;
    any other is remembered, and the next begins a word later. Separators of these do not count.

    Both are what datatrove's filter computes from the same words, down to the characters that it counts.
    """
    characters = np.maximum(counts.of(Counted.CHARACTERS), 1.0)
    shares = {}
    for column, n in enumerate(TOP_SIZES):
        occurrences = counts.of(Counted.TOP_OCCURRENCES + column)
        top = occurrences * (counts.of(Counted.TOP_CHARACTERS + column) + (n - 1))
        shares[f"top_{n}_gram_characters"] = np.minimum(top / characters, 1.0)
    for column, n in enumerate(DUPLICATE_SIZES):
        shares[f"duplicate_{n}_gram_characters"] = counts.of(Counted.PASSED + column) / characters
    return shares


def word_ngram_shares(counts: Counts) -> dict[str, NDArray[np.float64]]:
    """Shares of the characters of words that repeated n-grams make up, as RedPajama-v2 has them.

    ``rps_doc_frac_chars_top_{n}gram`` is not cut: overlapping occurrences may make more than 1.
    """
    characters = np.maximum(counts.of(Counted.WORD_CHARACTERS), 1.0)
    shares = {}
    for column, n in enumerate(TOP_SIZES):
        top = counts.of(Counted.TOP_OCCURRENCES + column) * counts.of(Counted.TOP_CHARACTERS + column)
        shares[f"rps_doc_frac_chars_top_{n}gram"] = top / characters
    for column, n in enumerate(DUPLICATE_SIZES):
        shares[f"rps_doc_frac_chars_dupe_{n}grams"] = counts.of(Counted.COVERED + column) / characters
    return shares
