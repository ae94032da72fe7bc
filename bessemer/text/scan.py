"""The words of a document as hashes, a block at a time: one pass over its UTF-8 bytes, in memory of fixed size.

Words are those of :func:`bessemer.text.words.split`, their hashes those of :mod:`bessemer.text.word_hash`.
"""

import numpy as np
from numpy.typing import NDArray

from bessemer.text.ascii_words import MOST_WORDS, STRETCH, ascii_run, eight_bytes, is_ascii, words_of_stretch
from bessemer.text.buffers import TextBuffer
from bessemer.text.characters import (
    BEGINS,
    CLASS,
    ENDS,
    FOLDS,
    KINDS,
    OUTSIDE,
    RUN,
    Characters,
)
from bessemer.text.compiled import kernel
from bessemer.text.utf8 import decode
from bessemer.text.word_hash import SEED, append, finish

POSITION, KIND, START, HASH, PIECE, FILLED = range(6)
"""Places of a scan's state: the next byte; the kind of word that is open; its first byte; its hash so far."""
SPACE_BYTE = np.uint8(0x20)
"""What a document seems to end with: it ends the last word."""
SMALLEST_BLOCK = 4
"""One character can end three words at most: it becomes up to three without case."""


def most_words(buffer: TextBuffer) -> int:
    """A bound on the words of all documents, for arrays whose unused end is never touched and so takes no memory.

    No text has more words than half its bytes and one: a word of a single byte is an ASCII letter, after which another
    begins only after a separator or with a character of three bytes.
    """
    return buffer.text_bytes // 2 + len(buffer)


def new_state(position: int = 0) -> NDArray[np.int64]:
    """The state of a scan that has not begun: shape (6,), int64. ``position`` is the first byte of the document."""
    return np.array([position, OUTSIDE, 0, 0, 0, 0], np.int64)


@kernel
def restart(state: NDArray[np.int64], position: int) -> None:
    """Make a state that of a scan that has not begun."""
    state[POSITION] = position
    state[KIND] = OUTSIDE


@kernel
def at_end(state: NDArray[np.int64], end: int) -> bool:
    """Whether all words of the document that ends at byte ``end`` were given out."""
    return bool(state[POSITION] >= end and state[KIND] == OUTSIDE)


@kernel
def _put(
    value: np.uint64,
    start: int,
    end: int,
    hashes: NDArray[np.uint64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    count: int,
) -> int:
    """Write word number ``count``; returns how many there are now."""
    put = np.uint64(count)
    hashes[put], starts[put], ends[put] = value, start, end
    return count + 1


@kernel
def _parts(tables: Characters, row: np.uint16) -> int:
    """Code points that a character is folded to, given its row of foldings; 0 stands for no folding."""
    parts = 1
    while row and parts < 3 and tables.foldings[row, parts]:
        parts += 1
    return parts


@kernel
def scan_words(
    data: NDArray[np.uint8],
    end: int,
    tables: Characters,
    state: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> int:
    """The next words of a document.

    Args:
        data, end: the bytes still to read are those from the state's position to ``end``, where the document ends.
        tables: :func:`bessemer.text.characters.characters`.
        state: of :func:`new_state`; goes on where the last call stopped.
        hashes: takes the words' hashes from place 0 on; its length, at least ``SMALLEST_BLOCK``, bounds a call.
        starts, ends: take each word's first byte, and one after its last; as long as ``hashes``.

    Returns:
        How many words were written; :func:`at_end` says whether these were the last.
    """
    room = len(hashes) - SMALLEST_BLOCK + 1
    count, position, kind, start = 0, state[POSITION], state[KIND], state[START]
    value, piece, filled = np.uint64(state[HASH]), np.uint64(state[PIECE]), state[FILLED]
    while count < room and (position < end or kind != OUTSIDE):
        if kind == OUTSIDE and position + 8 <= end:
            start = position
            if room - count >= MOST_WORDS and position + STRETCH + 8 <= end and is_ascii(eight_bytes(data, position)):
                count, position = words_of_stretch(data, position, hashes, starts, ends, count)
                if position > start:
                    continue
            position, value, piece, filled = ascii_run(data, position, end)
            kind = RUN if position > start else OUTSIDE
        byte = data[np.uint64(position)] if position < end else SPACE_BYTE
        if byte < 0x80 and not tables.ascii_word[byte]:
            if kind != OUTSIDE:
                count = _put(finish(value, piece, filled), start, position, hashes, starts, ends, count)
            kind = OUTSIDE
            position = min(position + 1, end)
            continue
        code, size = decode(data, position, end)
        entry = tables.classes[np.uint64(code)]
        row = tables.folded[np.uint64(code)] if entry & FOLDS else np.uint16(0)
        for part in range(_parts(tables, row)):
            if row:
                code = np.int64(tables.foldings[row, part])
                entry = tables.classes[np.uint64(code)]
            step = tables.steps[np.uint64(kind), entry & CLASS]
            if step & ENDS:
                count = _put(finish(value, piece, filled), start, position, hashes, starts, ends, count)
            if step & BEGINS:
                start, value, piece, filled = position, SEED, np.uint64(0), 0
            kind = step & KINDS
            if kind != OUTSIDE:
                value, piece, filled = append(code, value, piece, filled)
        position = min(position + size, end)
    state[POSITION], state[KIND], state[START] = position, kind, start
    state[HASH], state[PIECE], state[FILLED] = np.int64(value), np.int64(piece), filled
    return count
