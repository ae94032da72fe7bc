"""Pairs of texts of every similarity: a stretch of the pool's sentences, and a copy of it with words edited."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.edits import edited
from benchmarks.sentences import Sentences

EDGES = np.array([0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
"""Bins of Jaccard similarity: from one edge, included, to the next, excluded."""


class Stretches:
    """Stretches of words in which no sentence comes twice before all have come once."""

    def __init__(self, pool: Sentences, seed: int) -> None:
        self._pool = pool
        self.rng = np.random.default_rng([seed, 3])
        self._words = np.empty(0, np.int32)
        self._place = 0

    def next(self, length: int) -> NDArray[np.int32]:
        """The next ``length`` words."""
        if self._place + length > len(self._words):
            self._words = self._pool.words_of(self.rng.permutation(len(self._pool.texts)).astype(np.int32))
            self._place = 0
        self._place += length
        return self._words[self._place - length : self._place]


def edited_pairs(pool: Sentences, count: int, seed: int) -> Iterator[tuple[str, str]]:
    """``count`` pairs, with similarities spread evenly over :data:`EDGES`.

    An edit changes 4 or 5 shingles of 5 words, on average 14/3 of a text (:func:`edited`), so of texts with a share e
    of words edited about s = (1 - e)**(14/3) of the shingles are the same, and their similarity is s / (2 - s).
    """
    stretches = Stretches(pool, seed)
    rng = stretches.rng
    for wanted in rng.uniform(EDGES[0] - 0.02, EDGES[-1] - 0.01, count):
        # long enough for an edit or two to make that difference
        length = int(max(rng.integers(60, 140), 12 / (1 - wanted)))
        same = 2 * wanted / (1 + wanted)
        words = stretches.next(length)
        yield _text(pool, words), _text(pool, edited(words, 1 - same ** (3 / 14), pool.words, rng))


def insertions(pool: Sentences, count: int, seed: int) -> Iterator[tuple[str, str]]:
    """``count`` texts of 300-1,000 words, each with a copy that has one word more."""
    stretches = Stretches(pool, seed + 1)
    rng = stretches.rng
    for length in rng.integers(300, 1001, count):
        words = stretches.next(int(length))
        longer = np.insert(words, rng.integers(len(words) + 1), pool.words[rng.integers(len(pool.words))])
        yield _text(pool, words), _text(pool, longer)


def _text(pool: Sentences, words: NDArray[np.int32]) -> str:
    return pool.join(words).decode()
