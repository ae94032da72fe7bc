"""The shingles of a document, a block at a time: n-gram hashes rolled over the words that a scan finds."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bessemer.text.characters import Characters, characters
from bessemer.text.compiled import kernel
from bessemer.text.ngrams import MULTIPLIER
from bessemer.text.scan import SMALLEST_BLOCK, at_end, new_state, restart, scan_words
from bessemer.text.word_hash import mix64

BLOCK = 512
"""Words scanned at a time: what works on a block finds it in the nearest cache of the processor."""
_WORDS, _CARRIED = range(2)


class Shingling(NamedTuple):
    """What is kept between two blocks of a document.

    Attributes:
        tables: of characters.
        state: of the scan.
        counters: shape (2,), int64: words of the document so far; words that the next block begins with.
        words: shape (n - 1 + block,), uint64: word hashes, the last n - 1 of the block before in front.
        starts: int64, as long: first byte of each word that was scanned last.
        ends: int64, as long: one after its last byte.
        shingles: shape (n - 1 + block,), uint64: the hashes of a block of shingles.
        n: words in a shingle.
    """

    tables: Characters
    state: NDArray[np.int64]
    counters: NDArray[np.int64]
    words: NDArray[np.uint64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    shingles: NDArray[np.uint64]
    n: int


def new_shingling(n: int, block: int = BLOCK) -> Shingling:
    """Room for one document at a time.

    Args:
        n: words in a shingle, at least 1.
        block: words in a block, at least ``SMALLEST_BLOCK``.
    """
    assert n >= 1
    assert block >= SMALLEST_BLOCK
    size = n - 1 + block
    words, shingles = np.empty(size, np.uint64), np.empty(size, np.uint64)
    starts, ends = np.empty(size, np.int64), np.empty(size, np.int64)
    return Shingling(characters(), new_state(), np.zeros(2, np.int64), words, starts, ends, shingles, n)


@kernel
def begin(work: Shingling, position: int) -> None:
    """Begin with the document whose first byte is at ``position``."""
    restart(work.state, position)
    work.counters[:] = 0


@kernel
def words_so_far(work: Shingling) -> int:
    """Words of the document that were scanned."""
    return int(work.counters[_WORDS])


@kernel
def next_shingles(data: NDArray[np.uint8], end: int, work: Shingling) -> int:
    """Put the hashes of the document's next shingles into ``work.shingles``.

    A document with fewer words than a shingle (but any) is one shingle of all its words, as in
    :func:`bessemer.text.ngrams.ngrams_of`.

    Returns:
        How many there are. 0 may be followed by more; the document is finished when
        :func:`bessemer.text.scan.at_end` says so.
    """
    n, carried = work.n, work.counters[_CARRIED]
    have = carried + scan_words(data, end, work.tables, work.state, work.words[carried:], work.starts, work.ends)
    work.counters[_WORDS] += have - carried
    if 0 < work.counters[_WORDS] < n and at_end(work.state, end):
        return roll(work.words, have, have, work.shingles)
    made = roll(work.words, have, n, work.shingles)
    carried = min(have, n - 1)
    for place in range(carried):
        work.words[place] = work.words[have - carried + place]
    work.counters[_CARRIED] = carried
    return made


@kernel
def roll(words: NDArray[np.uint64], count: int, n: int, out: NDArray[np.uint64]) -> int:
    """Hashes of the n-grams of ``words[:count]``: :func:`bessemer.text.ngrams.sliding_hashes`.

    Returns:
        How many were written to ``out``: ``max(0, count - n + 1)``.
    """
    total, leaving = np.uint64(0), np.uint64(1)
    for place in range(min(n - 1, count)):
        total = total * MULTIPLIER + words[place]
        leaving *= MULTIPLIER
    for place in range(n - 1, count):
        total = total * MULTIPLIER + words[place]
        first = place - (n - 1)
        out[first] = mix64(total + np.uint64(n))
        total -= words[first] * leaving
    return max(0, count - n + 1)
