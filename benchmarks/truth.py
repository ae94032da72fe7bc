"""Exact similarities of all pairs of documents, slowly and without hashing: word n-grams are numbered, not hashed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bessemer.text.words import split

MOST = 100_000_000
"""Times that two documents may share an n-gram: 8 bytes of memory each, several times over."""


class TooManyPairs(Exception):
    """Templates or quotations make the exact comparison of all pairs quadratic."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of documents: shape (pairs,), int64 each, ``first < second``; and their Jaccard similarities."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    similarity: NDArray[np.float64]


def all_pairs(texts: Sequence[str], n: int, least: float) -> Pairs:
    """All pairs whose sets of word n-grams have a Jaccard similarity of at least ``least``.

    Args:
        texts: documents; those of fewer than ``n`` words have no n-gram and are in no pair.
        n: words of an n-gram.
        least: above 0.

    Raises:
        TooManyPairs: so many documents share n-grams that not all pairs can be looked at.
    """
    grams, documents = _distinct_ngrams(texts, n)
    sizes = np.bincount(documents, minlength=len(texts))
    order = np.argsort(grams, kind="stable")  # documents ascend within an n-gram
    grams, documents = grams[order], documents[order]
    places = np.arange(len(grams))
    sharing = np.bincount(grams) if len(grams) else np.empty(0, np.int64)
    if int((sharing * (sharing - 1) // 2).sum()) > MOST:
        raise TooManyPairs
    ends = np.searchsorted(grams, grams, "right")
    together, ahead = [np.empty(0, np.int64)], 1
    while len(places := places[places + ahead < ends[places]]):
        together.append(documents[places] * len(texts) + documents[places + ahead])
        ahead += 1
    keys, shared = np.unique(np.concatenate(together), return_counts=True)
    first, second = np.divmod(keys, len(texts))
    similarity = shared / (sizes[first] + sizes[second] - shared)
    enough = similarity >= least
    return Pairs(first[enough], second[enough], similarity[enough])


def _distinct_ngrams(texts: Sequence[str], n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers of the distinct n-grams of every document, and the documents, ascending."""
    numbers: dict[str, int] = {}
    words, counts = [], []
    for text in texts:
        found = split(text)
        counts.append(len(found))
        words.append(np.fromiter((numbers.setdefault(word, len(numbers)) for word in found), np.int64, len(found)))
    word = np.concatenate([np.empty(0, np.int64), *words])
    document = np.repeat(np.arange(len(texts)), np.array(counts, np.int64))
    gram = _number_ngrams(word, n, max(1, len(numbers).bit_length()))
    whole = document[: len(gram)] == document[n - 1 :]
    kinds = int(gram.max(initial=0)) + 1
    owners, grams = np.divmod(np.unique(document[: len(gram)][whole] * kinds + gram[whole]), kinds)
    return grams, owners


def _number_ngrams(word: NDArray[np.int64], n: int, bits: int) -> NDArray[np.int64]:
    """A number for each n consecutive words, the same for the same words: as many as fit 63 bits at a time."""
    gram, length = word, 1
    while length < n:
        more = min(n - length, (63 - int(gram.max(initial=0)).bit_length()) // bits)
        assert more > 0, "too many documents to compare exactly"
        count = max(0, len(word) - length - more + 1)
        key = gram[:count]
        for place in range(length, length + more):
            key = (key << bits) | word[place : place + count]
        _, gram = np.unique(key, return_inverse=True)
        length += more
    return gram
