"""Shingles of a batch of documents, straight from its bytes: in reading order, or as sets to compare."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bessemer.text.buffers import TextBuffer
from bessemer.text.compiled import kernel
from bessemer.text.ngrams import Ngrams
from bessemer.text.rolling import Shingling, begin, new_shingling, next_shingles
from bessemer.text.scan import at_end


def shingles_of(buffer: TextBuffer, shingle_words: int) -> Ngrams:
    """Shingle hashes of each document in reading order; a document of fewer words is one shingle of all of them.

    Equal to :func:`bessemer.text.ngrams.ngrams_of` with ``whole_if_shorter``. Memory is 8 bytes a word, twice while the
    result is cut to its size.

    Args:
        buffer: the documents.
        shingle_words: words in a shingle, at least 1.
    """
    hashes, offsets = _all_shingles(buffer, shingle_words)
    return Ngrams(hashes[: offsets[-1]].copy(), offsets)


def shingle_sets(buffer: TextBuffer, shingle_words: int) -> Ngrams:
    """The distinct shingle hashes of each document, ascending: what :func:`shingles_of` finds, as sets.

    Args:
        buffer: the documents.
        shingle_words: words in a shingle, at least 1.
    """
    hashes, offsets = _all_shingles(buffer, shingle_words)
    bounds = offsets.tolist()
    for first, last in pairwise(bounds):
        hashes[first:last].sort()  # numpy's, which sorts with vector instructions
    _drop_repeated(hashes, offsets)
    return Ngrams(hashes[: offsets[-1]].copy(), offsets)


def _all_shingles(buffer: TextBuffer, shingle_words: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Hashes with room behind them, and offsets.

    No text has more words than half its bytes and one: a word of a single byte is an ASCII letter, after which another
    begins only after a separator or with a character of three bytes. Room that is not used is never touched.
    """
    hashes = np.empty(buffer.text_bytes // 2 + len(buffer), np.uint64)
    offsets = np.zeros(len(buffer) + 1, np.int64)
    _write_shingles(buffer.data, buffer.offsets, new_shingling(shingle_words), hashes, offsets)
    return hashes, offsets


@kernel
def _write_shingles(
    data: NDArray[np.uint8],
    bounds: NDArray[np.int64],
    work: Shingling,
    hashes: NDArray[np.uint64],
    offsets: NDArray[np.int64],
) -> None:
    count = 0
    for document in range(len(bounds) - 1):
        begin(work, bounds[document])
        while not at_end(work.state, bounds[document + 1]):
            made = next_shingles(data, bounds[document + 1], work)
            hashes[count : count + made] = work.shingles[:made]
            count += made
        offsets[document + 1] = count


@kernel
def _drop_repeated(hashes: NDArray[np.uint64], offsets: NDArray[np.int64]) -> None:
    """Move the distinct hashes of each document, whose hashes are ascending, to the front, and the offsets likewise."""
    count, first = 0, 0
    for document in range(len(offsets) - 1):
        last = offsets[document + 1]
        for place in range(first, last):
            if place == first or hashes[place] != hashes[place - 1]:
                hashes[count] = hashes[place]
                count += 1
        first = last
        offsets[document + 1] = count
