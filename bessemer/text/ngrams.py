"""Hashes of word n-grams, for a batch of documents at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bessemer.text.words import Words

MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Ngrams:
    """The n-grams of a batch of documents: as many as there are places where one starts.

    Attributes:
        hashes: shape (ngrams,), uint64, in reading order, all documents concatenated.
        offsets: shape (documents + 1,), int64.
    """

    hashes: NDArray[np.uint64]
    offsets: NDArray[np.int64]

    def of(self, document: int) -> NDArray[np.uint64]:
        """The n-grams of one document, in reading order."""
        return self.hashes[self.offsets[document] : self.offsets[document + 1]]


def joined(parts: Sequence[Ngrams]) -> Ngrams:
    """The n-grams of the documents of several batches, as those of one."""
    starts = np.cumsum([0, *(len(part.hashes) for part in parts)])
    offsets = [part.offsets[1:] + start for part, start in zip(parts, starts, strict=False)]
    hashes = [np.empty(0, np.uint64), *(part.hashes for part in parts)]
    return Ngrams(np.concatenate(hashes), np.concatenate([np.zeros(1, np.int64), *offsets]))


def mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread every input bit over all output bits; a bijection (the finalizer of MurmurHash3, Appleby)."""
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return values ^ (values >> np.uint64(33))


def sliding_hashes(hashes: NDArray[np.uint64], n: int) -> NDArray[np.uint64]:
    """Hash of every n consecutive word hashes, without regard to documents.

    The hash of words w₀ … wₙ₋₁ is ``mix(Σ wᵢ · M^(n-1-i) + n mod 2**64)`` with a fixed odd M: with word hashes that are
    random 64-bit numbers, two different n-grams agree with a probability of about 2**-64.

    Args:
        hashes: shape (words,), uint64.
        n: words in an n-gram, at least 1.

    Returns:
        Shape (max(0, words - n + 1),), uint64.
    """
    count = max(0, len(hashes) - n + 1)
    total = np.zeros(count, np.uint64)
    for i in range(n):
        total *= MULTIPLIER
        total += hashes[i : i + count]
    return mix(total + np.uint64(n))


def whole_hash(hashes: NDArray[np.uint64]) -> np.uint64:
    """The hash of all words as one n-gram: equal to :func:`sliding_hashes` with their number."""
    return np.uint64(sliding_hashes(hashes, len(hashes))[0])


def ngrams_of(words: Words, n: int, *, whole_if_shorter: bool = False) -> Ngrams:
    """Hashes of the n-grams of each document.

    Args:
        words: a batch of documents.
        n: words in an n-gram, at least 1.
        whole_if_shorter: a document with fewer words (but any) is one n-gram of all its words, so that two short
            documents can be compared; otherwise it has none.
    """
    counts = words.counts
    per_document = np.maximum(counts - (n - 1), 0)
    if whole_if_shorter:
        per_document = np.where((counts > 0) & (counts < n), 1, per_document)
    offsets = np.zeros(len(words) + 1, np.int64)
    np.cumsum(per_document, out=offsets[1:])
    result = np.empty(int(offsets[-1]), np.uint64)
    long = counts >= n
    sliding = sliding_hashes(words.hashes, n)
    result[_places(offsets[:-1][long], per_document[long])] = sliding[
        _places(words.offsets[:-1][long], per_document[long])
    ]
    for document in np.flatnonzero(~long & (per_document > 0)):
        result[offsets[document]] = whole_hash(words.hashes[words.offsets[document] : words.offsets[document + 1]])
    return Ngrams(result, offsets)


def _places(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """The integers of the ranges ``[starts[i], starts[i] + lengths[i])``, one after another."""
    total = int(lengths.sum())
    before = np.cumsum(lengths) - lengths
    return np.repeat(starts - before, lengths) + np.arange(total, dtype=np.int64)
