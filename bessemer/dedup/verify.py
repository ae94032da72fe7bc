"""True Jaccard similarity of candidate pairs: MinHash finds, this decides."""

import numpy as np
from numpy.typing import NDArray

from bessemer.text.compiled import kernel
from bessemer.text.ngrams import Ngrams


def similarities(pairs: NDArray[np.int64], shingles: Ngrams, floor: float) -> NDArray[np.float64]:
    """Jaccard similarity of the shingle sets of each pair; where the sizes alone rule out ``floor``, 0 without looking.

    Args:
        pairs: shape (pairs, 2): documents of ``shingles``. Fastest if pairs with the same first document are together.
        shingles: hashes of each document's shingles, each as often as it occurs and in any order.
        floor: similarities below it may be returned as 0.

    Returns:
        Shape (pairs,), float64: shared shingles over all shingles; 0 if either document has none.
    """
    distinct, offsets = distinct_of_each(shingles)
    result = np.zeros(len(pairs), np.float64)
    if len(pairs):
        _compare(np.ascontiguousarray(pairs), distinct, offsets, floor, _slots(np.diff(offsets)), result)
    return result


def distinct_of_each(shingles: Ngrams) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Each document's distinct hashes in the order in which they first occur, and where each document starts."""
    hashes, counts = shingles.hashes.copy(), np.zeros(len(shingles.offsets) - 1, np.int64)
    _keep_first(hashes, shingles.offsets, _slots(np.diff(shingles.offsets)), counts)
    offsets = np.zeros(len(shingles.offsets), np.int64)
    np.cumsum(counts, out=offsets[1:])
    return hashes[: offsets[-1]], offsets


def _slots(sizes: NDArray[np.int64]) -> int:
    """Size of an open-addressing table, a power of two, that the largest set fills at most to half."""
    return 1 << max(4, int(2 * sizes.max(initial=1) - 1).bit_length())


@kernel
def _keep_first(hashes: NDArray[np.uint64], offsets: NDArray[np.int64], slots: int, counts: NDArray[np.int64]) -> None:
    """Move the first occurrence of each hash to the front, all documents one after another."""
    values, owners = np.zeros(slots, np.uint64), np.full(slots, -1, np.int64)
    end = 0
    for document in range(len(counts)):
        mask = _mask(offsets[document + 1] - offsets[document])
        for place in range(offsets[document], offsets[document + 1]):
            value = hashes[place]
            slot = np.int64(value) & mask
            while owners[slot] == document and values[slot] != value:
                slot = (slot + 1) & mask
            if owners[slot] != document:
                values[slot], owners[slot] = value, document
                hashes[end] = value
                end += 1
                counts[document] += 1


@kernel
def _compare(
    pairs: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    offsets: NDArray[np.int64],
    floor: float,
    slots: int,
    result: NDArray[np.float64],
) -> None:
    """The first document of a pair fills the table, once for all pairs that follow with it; the second looks it up."""
    values, owners = np.zeros(slots, np.uint64), np.full(slots, -1, np.int64)
    filled, mask = -1, 0
    for pair in range(len(pairs)):
        a, b = pairs[pair, 0], pairs[pair, 1]
        size_a, size_b = offsets[a + 1] - offsets[a], offsets[b + 1] - offsets[b]
        if min(size_a, size_b) == 0 or min(size_a, size_b) < floor * max(size_a, size_b) - 1e-6:
            continue
        if a != filled:
            filled, mask = a, _mask(size_a)
            for place in range(offsets[a], offsets[a + 1]):
                slot = np.int64(hashes[place]) & mask
                while owners[slot] == a:
                    slot = (slot + 1) & mask
                values[slot], owners[slot] = hashes[place], a
        shared = 0
        for place in range(offsets[b], offsets[b + 1]):
            slot = np.int64(hashes[place]) & mask
            while owners[slot] == a and values[slot] != hashes[place]:
                slot = (slot + 1) & mask
            shared += owners[slot] == a
        result[pair] = shared / (size_a + size_b - shared)


@kernel
def _mask(size: int) -> int:
    """One less than the table size for a set: small sets stay in the nearest memory."""
    slots = 16
    while slots < 2 * size:
        slots *= 2
    return slots - 1
