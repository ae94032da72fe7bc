"""Lines or paragraphs of a batch of documents, each as the hash of its words."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bessemer.text.buffers import TextBuffer
from bessemer.text.characters import Characters, characters
from bessemer.text.compiled import kernel
from bessemer.text.rolling import BLOCK
from bessemer.text.scan import at_end, new_state, restart, scan_words
from bessemer.text.word_hash import SEED, mix64

Unit = Literal["line", "paragraph"]
NEWLINE = np.uint8(0x0A)


@dataclass(frozen=True)
class Parts:
    """Parts of n documents that have words enough, in reading order.

    A line ends after its line feed; a paragraph where a line with something on it follows blank ones. So a part has all
    bytes up to the next part, and taking it out leaves the text around it as it was.

    Attributes:
        documents: shape (parts,), int32, ascending: the document of each.
        starts: shape (parts,), int64: its first byte, counted from that of its document.
        ends: shape (parts,), int64: one after its last byte.
        words: shape (parts,), int32: its words.
        hashes: shape (parts,), uint64: equal where all words are equal, whatever their case and what stands between.
    """

    documents: NDArray[np.int32]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    words: NDArray[np.int32]
    hashes: NDArray[np.uint64]


def parts_of(buffer: TextBuffer, unit: Unit, min_words: int) -> Parts:
    """The lines or paragraphs of each document; memory is 32 bytes for each line of the batch.

    Args:
        buffer: the documents.
        unit: what a part is.
        min_words: fewest words of a part, at least 1; shorter ones are left out.
    """
    room = int(np.count_nonzero(buffer.data[buffer.offsets[0] : buffer.offsets[-1]] == NEWLINE)) + len(buffer)
    documents, counts, hashes = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.uint64)
    starts, ends = np.empty(room, np.int64), np.empty(room, np.int64)
    block = np.empty(BLOCK, np.uint64), np.empty(BLOCK, np.int64), np.empty(BLOCK, np.int64)
    found = _write_parts(
        buffer.data,
        buffer.offsets,
        characters(),
        new_state(),
        *block,
        unit == "paragraph",
        max(1, min_words),
        documents,
        starts,
        ends,
        counts,
        hashes,
    )
    return Parts(
        documents=documents[:found].copy(),
        starts=starts[:found].copy(),
        ends=ends[:found].copy(),
        words=counts[:found].copy(),
        hashes=hashes[:found].copy(),
    )


@kernel
def _write_parts(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    tables: Characters,
    state: NDArray[np.int64],
    word_hashes: NDArray[np.uint64],
    word_starts: NDArray[np.int64],
    word_ends: NDArray[np.int64],
    paragraphs: bool,
    min_words: int,
    documents: NDArray[np.int32],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    counts: NDArray[np.int32],
    hashes: NDArray[np.uint64],
) -> int:
    found = 0
    for document in range(len(offsets) - 1):
        first, end = offsets[document], offsets[document + 1]
        position = first
        while position < end:
            following = _end_of_part(data, position, end, paragraphs)
            value, words = SEED, 0
            restart(state, position)
            while not at_end(state, following):
                made = scan_words(data, following, tables, state, word_hashes, word_starts, word_ends)
                for word in range(made):
                    value = mix64(value ^ word_hashes[word])
                words += made
            if words >= min_words:
                documents[found], counts[found], hashes[found] = document, words, value
                starts[found], ends[found] = position - first, following - first
                found += 1
            position = following
    return found


@kernel
def _end_of_part(data: NDArray[np.uint8], position: int, end: int, paragraphs: bool) -> int:
    """Where the part that begins at a line's first byte ends: at another line's first byte, or at ``end``."""
    blank_before = False
    while position < end:
        line, blank = position, True
        while position < end and data[position] != NEWLINE:
            blank &= data[position] <= 0x20
            position += 1
        if blank_before and not blank:
            return line
        blank_before |= blank
        position = min(position + 1, end)
        if not paragraphs:
            break
    return position
