"""The normal form of texts as bytes, a piece at a time: :func:`bessemer.text.normalize.normalized`, compiled."""

import numpy as np
from numpy.typing import NDArray

from bessemer.text.characters import FOLDS, SPACE, Characters
from bessemer.text.compiled import kernel
from bessemer.text.utf8 import decode, encode

SMALLEST_ROOM = 16
"""Bytes that the longest step writes: a space and three characters of four bytes, rounded up."""
POSITION, STARTED, SPACED = range(3)
"""Places of the state: next byte of the text; whether any was written; whether white space is to be written."""


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
        data: bytes of texts.
        end: one after the text's last byte.
        tables: of characters.
        state: shape (3,), int64: (first byte, 0, 0) for a new text; goes on where the last call stopped.
        out: takes the bytes.
        written: bytes of ``out`` that are taken.

    Returns:
        Bytes of ``out`` that are taken after it. The text is finished when the state's position is ``end``.
    """
    position, started, spaced = state[POSITION], state[STARTED], state[SPACED]
    room = len(out) - SMALLEST_ROOM
    while position < end and written <= room:
        folded = tables.ascii_text[data[np.uint64(position)]]
        if folded:
            if spaced and started:
                out[np.uint64(written)] = 0x20
                written += 1
            spaced, started = 0, 1
            stop = min(end, position + len(out) - written)
            while folded:
                out[np.uint64(written)] = folded
                written += 1
                position += 1
                folded = tables.ascii_text[data[np.uint64(position)]] if position < stop else np.uint8(0)
            continue
        code, size = decode(data, position, end)
        position += size
        entry = tables.classes[np.uint64(code)]
        if entry & SPACE:
            spaced = 1
            continue
        if spaced and started:
            out[np.uint64(written)] = 0x20
            written += 1
        spaced, started = 0, 1
        if entry & FOLDS:
            row = tables.folded[np.uint64(code)]
            for part in range(3):
                if tables.foldings[row, part]:
                    written += encode(np.int64(tables.foldings[row, part]), out, written)
        else:
            written += encode(code, out, written)
    state[POSITION], state[STARTED], state[SPACED] = position, started, spaced
    return written


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
        state[POSITION], state[STARTED], state[SPACED] = bounds[first + done], 0, 0
        written = fold_piece(data, bounds[first + done + 1], tables, state, out, written)
        if state[POSITION] < bounds[first + done + 1]:
            break
        ends[done] = written
        done += 1
    return done
