"""The words of a document as hashes, a block at a time: one pass over its UTF-8 bytes, in memory of fixed size.

Words are those of :func:`bessemer.text.words.split`. The hash of a word is, over its code points c after case folding,

    h ← SEED;  h ← (h xor c) · MULTIPLIER mod 2**64 for each c;  mix64(h xor number of code points)

Each step is a bijection of h, so two words of equal length that differ in one place never agree, and others do with a
probability of about 2**-64.
"""

import numpy as np
from numpy.typing import NDArray

from bessemer.text.buffers import TextBuffer
from bessemer.text.characters import (
    BEGINS,
    CHARACTER,
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

SEED = np.uint64(0x243F6A8885A308D3)
"""The first 64 bits of the fraction of π."""
MULTIPLIER = np.uint64(0xD1342543DE82EF95)
"""Steele and Vigna 2021, *Computationally easy, spectrally good multipliers*, table for 64 bits."""

POSITION, KIND, START, LENGTH, HASH = range(5)
"""Places of a scan's state: the next byte; the kind of word that is open; its first byte, code points and hash."""
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
    """The state of a scan that has not begun: shape (5,), int64. ``position`` is the first byte of the document."""
    return np.array([position, OUTSIDE, 0, 0, 0], np.int64)


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
def mix64(value: np.uint64) -> np.uint64:
    """:func:`bessemer.text.ngrams.mix` of one number."""
    value = (value ^ (value >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    value = (value ^ (value >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return value ^ (value >> np.uint64(33))


@kernel
def _ascii_run(
    data: NDArray[np.uint8], position: int, end: int, letters: NDArray[np.uint8], value: np.uint64
) -> tuple[int, np.uint64, np.uint8, np.uint8]:
    """Take the ASCII letters and digits that begin here into a word's hash; returns it with the byte where they end."""
    byte = data[np.uint64(position)]
    letter = letters[byte]
    while letter:
        value = (value ^ np.uint64(letter)) * MULTIPLIER
        position += 1
        byte = data[np.uint64(position)] if position < end else SPACE_BYTE
        letter = letters[byte]
    return position, value, byte, letter


@kernel
def _put(
    value: np.uint64,
    length: int,
    start: int,
    end: int,
    hashes: NDArray[np.uint64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    count: int,
) -> int:
    """Write word number ``count``; returns how many there are now."""
    put = np.uint64(count)
    hashes[put], starts[put], ends[put] = mix64(value ^ np.uint64(length)), start, end
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
        data: bytes; still to read are those from the state's position to ``end``, where the document ends.
        tables: :func:`bessemer.text.characters.characters`.
        state: of :func:`new_state`; goes on where the last call stopped.
        hashes: takes the words' hashes from place 0 on; its length, at least ``SMALLEST_BLOCK``, bounds a call.
        starts, ends: take each word's first byte, and one after its last; as long as ``hashes``.

    Returns:
        How many words were written. The document is finished when :func:`at_end` says so.
    """
    room = len(hashes) - SMALLEST_BLOCK + 1
    count, ascii_word = 0, tables.ascii_word
    position, kind, start, length = state[POSITION], state[KIND], state[START], state[LENGTH]
    value = np.uint64(state[HASH])
    while count < room and (position < end or kind != OUTSIDE):
        byte = data[np.uint64(position)] if position < end else SPACE_BYTE
        letter = ascii_word[byte]
        if letter and kind != CHARACTER:
            if kind == OUTSIDE:
                value, start, length, kind = SEED, position, 0, RUN
            first = position
            position, value, byte, letter = _ascii_run(data, position, end, ascii_word, value)
            length += position - first
        if byte < 0x80 and not letter:
            if kind != OUTSIDE:
                count = _put(value, length, start, position, hashes, starts, ends, count)
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
                count = _put(value, length, start, position, hashes, starts, ends, count)
            if step & BEGINS:
                value, start, length = SEED, position, 0
            kind = step & KINDS
            if kind != OUTSIDE:
                value = (value ^ np.uint64(code)) * MULTIPLIER
                length += 1
        position = min(position + size, end)
    state[POSITION], state[KIND], state[START], state[LENGTH] = position, kind, start, length
    state[HASH] = np.int64(value)
    return count
