"""Word hashes of a batch of documents, without the words."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bessemer.text.buffers import TextBuffer
from bessemer.text.characters import Characters, characters
from bessemer.text.compiled import kernel
from bessemer.text.rolling import BLOCK
from bessemer.text.scan import at_end, most_words, new_state, restart, scan_words
from bessemer.text.utf8 import decode
from bessemer.text.word_hash import SEED, append, finish


@dataclass(frozen=True)
class WordHashes:
    """The words of a batch of n documents, in reading order.

    Attributes:
        hashes: shape (words,), uint64: see :mod:`bessemer.text.word_hash`.
        offsets: shape (n + 1,), int64: words of document ``i`` are ``offsets[i]`` to ``offsets[i + 1]``.
        starts: shape (words,), int64: place in the buffer of each word's first byte.
        ends: shape (words,), int64: one after its last byte.
    """

    hashes: NDArray[np.uint64]
    offsets: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def counts(self) -> NDArray[np.int64]:
        """Shape (n,), int64: words of each document."""
        return np.diff(self.offsets)


def word_hashes(buffer: TextBuffer) -> WordHashes:
    """Hashes and places of the words of each document: those of :func:`bessemer.text.words.split`.

    Memory is 24 bytes a word.
    """
    room = most_words(buffer) + BLOCK  # a scan wants room for more than is left
    hashes, starts, ends = np.empty(room, np.uint64), np.empty(room, np.int64), np.empty(room, np.int64)
    offsets = np.zeros(len(buffer) + 1, np.int64)
    _write_words(buffer.data, buffer.offsets, characters(), new_state(), hashes, starts, ends, offsets)
    count = int(offsets[-1])
    return WordHashes(hashes[:count].copy(), offsets, starts[:count].copy(), ends[:count].copy())


def whole_hashes(buffer: TextBuffer) -> NDArray[np.uint64]:
    """Hash of each text taken as one word, whatever it consists of; its case should have been folded.

    Zero bytes at the end of a text do not count.

    Returns:
        Shape (n,), uint64.
    """
    hashes = np.empty(len(buffer), np.uint64)
    _hash_whole(buffer.data, buffer.offsets, hashes)
    return hashes


@kernel
def _write_words(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    tables: Characters,
    state: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> None:
    count = 0
    for document in range(len(offsets) - 1):
        restart(state, offsets[document])
        while not at_end(state, offsets[document + 1]):
            rest = hashes[count:], starts[count:], ends[count:]
            count += scan_words(data, offsets[document + 1], tables, state, rest[0], rest[1], rest[2])
        counts[document + 1] = count


@kernel
def _hash_whole(data: NDArray[np.uint8], offsets: NDArray[np.int64], hashes: NDArray[np.uint64]) -> None:
    for document in range(len(hashes)):
        position = offsets[document]
        value, piece, filled = SEED, np.uint64(0), 0
        while position < offsets[document + 1]:
            code, size = decode(data, position, offsets[document + 1])
            value, piece, filled = append(code, value, piece, filled)
            position += size
        hashes[document] = finish(value, piece, filled)
