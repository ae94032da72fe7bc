"""The hash of a word, eight bytes at a time.

Over the UTF-8 bytes of the case-folded word, cut into pieces p of eight (the last filled up with zeros) and read as
little-endian numbers:

    h ← SEED;  h ← mix64(h xor p) for each p

Each step is a bijection of h, so two words of eight bytes or fewer never agree, nor do longer ones that differ in one
piece, and others with a probability of about 2**-64. A word holds no zero byte, so filling up makes no two alike.
"""

import numpy as np

from bessemer.text.compiled import kernel

SEED = np.uint64(0x243F6A8885A308D3)
"""The first 64 bits of the fraction of π."""


@kernel
def mix64(value: np.uint64) -> np.uint64:
    """:func:`bessemer.text.ngrams.mix` of one number."""
    value = (value ^ (value >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    value = (value ^ (value >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return value ^ (value >> np.uint64(33))


@kernel
def append(code: np.int64, value: np.uint64, piece: np.uint64, filled: int) -> tuple[np.uint64, np.uint64, int]:
    """Take one more code point into a hash.

    Args:
        code: valid, of the folded word.
        value: hash of all full pieces before.
        piece: the bytes since.
        filled: how many these are, below eight.

    Returns:
        The last three, afterwards.
    """
    size = 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4
    for place in range(size):
        if size == 1:
            byte = code
        else:
            bits = code >> 6 * (size - 1 - place)
            byte = 0x80 | bits & 0x3F if place else (0xF00 >> size) & 0xFF | bits
        piece |= np.uint64(byte) << np.uint64(8 * filled)
        filled += 1
        if filled == 8:
            value, piece, filled = mix64(value ^ piece), np.uint64(0), 0
    return value, piece, filled


@kernel
def finish(value: np.uint64, piece: np.uint64, filled: int) -> np.uint64:
    """The hash of the word whose last piece this is."""
    return mix64(value ^ piece) if filled else value
