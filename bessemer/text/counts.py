"""The counts of a batch of documents, straight from its bytes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bessemer.text.buffers import TextBuffer
from bessemer.text.compiled import kernel
from bessemer.text.hashes import whole_hashes
from bessemer.text.line_counts import count_lines
from bessemer.text.measure import Counted, Work, new_work
from bessemer.text.repeated_ngrams import count_ngrams, count_words


@dataclass(frozen=True)
class Counts:
    """What was counted of n documents.

    Attributes:
        columns: shape (``Counted.COLUMNS``, n), int64.
        entropy: shape (n,), float64: of the words of each document, in nats.
    """

    columns: NDArray[np.int64]
    entropy: NDArray[np.float64]

    def of(self, column: int) -> NDArray[np.float64]:
        """Shape (n,), float64: one column, a member of :class:`Counted` or one of those that follow it."""
        return np.asarray(self.columns[column], np.float64)

    def share(self, part: int, whole: int) -> NDArray[np.float64]:
        """Shape (n,), float64: one column by another, or by 1 where that is 0."""
        return np.asarray(self.of(part) / np.maximum(self.of(whole), 1.0), np.float64)


def counts_of(buffer: TextBuffer, stop_words: Sequence[str], short: int) -> Counts:
    """Count all of :class:`Counted`.

    Memory is about 40 bytes for each word of the longest document, and 400 for each document.

    Args:
        buffer: the documents.
        stop_words: words without case; each counts once.
        short: a line with fewer code points is short.
    """
    rows = np.zeros((len(buffer), Counted.COLUMNS), np.int64)
    entropy = np.zeros(len(buffer), np.float64)
    longest = int(np.diff(buffer.offsets).max(initial=0))
    hashes = whole_hashes(TextBuffer.of_texts(sorted(set(stop_words))))
    _write_counts(buffer.data, buffer.offsets, new_work(longest), hashes, short, rows, entropy)
    return Counts(np.ascontiguousarray(rows.T), entropy)


@kernel
def _write_counts(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    work: Work,
    stop_words: NDArray[np.uint64],
    short: int,
    rows: NDArray[np.int64],
    entropy: NDArray[np.float64],
) -> None:
    for document in range(len(rows)):
        start, end = offsets[document], offsets[document + 1]
        count_lines(data, start, end, work, short, rows[document])
        count_words(data, start, end, work, rows[document])
        entropy[document] = count_ngrams(work, stop_words, rows[document])
