"""The normal form of texts as bytes, a piece at a time: :func:`bessemer.text.normalize.normalized`, compiled."""

import numpy as np
from numpy.typing import NDArray

from bessemer.text.characters import FOLDS, SPACE, Characters
from bessemer.text.compiled import kernel
from bessemer.text.utf8 import REPLACEMENT, decode, encode

SMALLEST_ROOM = 32
"""Bytes that a piece needs to get anywhere: a space, and twice as many as one character becomes at most."""
_STEP = 13
"""Bytes that the longest step writes: white space and three characters of four bytes."""
SPACE_BYTE = np.uint8(0x20)
POSITION, LAST = range(2)
"""Places of the state: next byte of the text; which of the following was written last."""
NOTHING = 0
TEXT = 1
BLANK = 2
"""White space came last. It is written when more follows, for at the end of a text it is dropped."""


@kernel
def fold_piece(
    data: NDArray[np.uint8],
    end: int,
    tables: Characters,
    state: NDArray[np.int64],
    out: NDArray[np.uint8],
    written: int,
) -> int:
    """Write the normal form of the bytes from the state's position to ``end``, or as much as there is room for.

    Args:
        data: bytes of texts; this one ends before ``end``.
        tables: of characters.
        state: shape (2,), int64: (first byte, ``NOTHING``) for a new text; goes on where the last call stopped.
        out: takes the bytes; its length is at least ``SMALLEST_ROOM``.
        written: bytes of ``out`` that are taken.

    Returns:
        Bytes of ``out`` that are taken after it. The text is finished when the state's position is ``end``.
    """
    position, before = state[POSITION], written
    if state[LAST] == BLANK:
        out[written] = SPACE_BYTE
        written += 1
    blank = state[LAST] != TEXT
    room = len(out) - _STEP
    while position < end and written <= room:
        stop = min(end, position + len(out) - written)
        while position < stop:  # without a branch on what is blank: words are too short to foresee where they end
            folded = tables.ascii_text[data[np.uint64(position)]]
            if folded == 0:
                break
            out[np.uint64(written)] = folded
            blank_now = folded == SPACE_BYTE
            written += 1 - (blank & blank_now)
            blank = blank_now
            position += 1
        if position == stop or written > room:
            continue
        code, size = decode(data, position, end)
        entry = tables.classes[np.uint64(code)]
        position += size
        if entry & SPACE:
            if not blank:
                out[np.uint64(written)] = SPACE_BYTE
                written += 1
            blank = True
            continue
        blank = False
        if entry & FOLDS or code == REPLACEMENT:
            written += _put(code, tables, out, written)
        else:
            written = _copy(data, position - size, position, out, written)
    state[POSITION] = position
    if not blank:
        state[LAST] = TEXT
    elif written > before:
        state[LAST] = BLANK
        written -= 1
    return written


@kernel
def _copy(data: NDArray[np.uint8], first: int, last: int, out: NDArray[np.uint8], written: int) -> int:
    """Write a character that stays as it is; returns the bytes of ``out`` that are taken."""
    for place in range(first, last):
        out[np.uint64(written)] = data[np.uint64(place)]
        written += 1
    return written


@kernel
def _put(code: np.int64, tables: Characters, out: NDArray[np.uint8], written: int) -> int:
    """Write a character, or what it folds to; returns how many bytes that took."""
    row, size = tables.folded[np.uint64(code)], 0
    if row == 0:
        return encode(code, out, written)
    for part in range(3):
        if tables.foldings[row, part]:
            size += encode(np.int64(tables.foldings[row, part]), out, written + size)
    return size


@kernel
def fold_texts(
    data: NDArray[np.uint8],
    bounds: NDArray[np.int64],
    first: int,
    tables: Characters,
    state: NDArray[np.int64],
    out: NDArray[np.uint8],
    ends: NDArray[np.int64],
) -> int:
    """Write the normal forms of whole texts from ``first`` on, one after another, while they fit.

    Returns:
        How many were finished; ``ends`` has for each one after its last byte in ``out``. 0 if the first is too long.
    """
    written, done = 0, 0
    while first + done < len(bounds) - 1 and done < len(ends):
        state[POSITION], state[LAST] = bounds[first + done], NOTHING
        written = fold_piece(data, bounds[first + done + 1], tables, state, out, written)
        if state[POSITION] < bounds[first + done + 1]:
            break
        ends[done] = written
        done += 1
    return done
