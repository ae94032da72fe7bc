"""Which texts are the same up to case and white space: the hash of each, straight from its bytes."""

import numpy as np
import xxhash
from numpy.typing import NDArray

from bessemer.text.buffers import TextBuffer
from bessemer.text.characters import characters
from bessemer.text.folding import NOTHING, POSITION, fold_piece, fold_texts

_ROOM = 1 << 18
"""Bytes of normalised text held at a time: they stay in a processor core's second cache until they are hashed."""


def text_hashes(buffer: TextBuffer, *, room: int = _ROOM) -> NDArray[np.uint8]:
    """:func:`bessemer.text.normalize.text_hash` of each document, as the 16 bytes of the digest.

    Args:
        buffer: the documents; bytes that are not UTF-8 count as U+FFFD.
        room: bytes of normalised text held at a time, at least 32; memory does not depend on how long documents are.

    Returns:
        Shape (n, 16), uint8.
    """
    digests = bytearray()
    out, ends, state, tables = np.empty(room, np.uint8), np.empty(4096, np.int64), np.zeros(2, np.int64), characters()
    number, view = 0, memoryview(out.data)
    while number < len(buffer):
        done = fold_texts(buffer.data, buffer.offsets, number, tables, state, out, ends)
        start = 0
        for end in ends[:done].tolist():
            digests += xxhash.xxh3_128_digest(view[start:end])
            start = end
        number += done
        if not done:
            digest, last = xxhash.xxh3_128(), int(buffer.offsets[number + 1])
            state[:] = buffer.offsets[number], NOTHING
            while state[POSITION] < last:
                written = fold_piece(buffer.data, last, tables, state, out, 0)
                digest.update(view[:written])
            digests += digest.digest()
            number += 1
    return np.frombuffer(digests, np.uint8).reshape(-1, 16)
