"""Numbering equal keys: a table with open addressing that is used again for every document.

Keys get the numbers 0, 1, … in the order in which they first come. Slots hold numbers, everything else is dense, so
what is asked often lies close together (linear probing; Knuth, *The Art of Computer Programming*, section 6.4).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bessemer.text.compiled import kernel

_SMALLEST = 4
"""Slots of the smallest table."""
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


class Groups(NamedTuple):
    """Room for numbered keys.

    Attributes:
        slots: shape (power of two,), int32: 0 if free, else a number plus one.
        keys: shape (room,), uint64: of each number.
        counts: shape (room,), int32: how often the key came.
        firsts: shape (room,), int32: the place that it came from first.
    """

    slots: NDArray[np.int32]
    keys: NDArray[np.uint64]
    counts: NDArray[np.int32]
    firsts: NDArray[np.int32]


def new_groups(room: int) -> Groups:
    """A table for at most ``room`` keys at a time; memory that is not used is not taken."""
    slots = max(_SMALLEST, 1 << (2 * room - 1).bit_length())
    return Groups(
        np.empty(slots, np.int32), np.empty(room, np.uint64), np.empty(room, np.int32), np.empty(room, np.int32)
    )


@kernel
def clear(groups: Groups, keys: int) -> int:
    """Make the table one without keys that has room for ``keys`` of them.

    Returns:
        The shift that :func:`number_of` wants.
    """
    size, shift = _SMALLEST, 62
    while size < 2 * keys:
        size, shift = 2 * size, shift - 1
    groups.slots[:size] = 0
    return shift


@kernel
def number_of(groups: Groups, shift: int, used: int, key: np.uint64, place: int) -> int:
    """Count a key.

    Args:
        groups: the table.
        shift: from :func:`clear`.
        used: numbers given so far.
        key: any number.
        place: where it came from.

    Returns:
        The number of the key: ``used`` if it is new.
    """
    mask = (np.uint64(1) << np.uint64(64 - shift)) - np.uint64(1)
    slot = (key * _SPREAD) >> np.uint64(shift)
    while True:
        number = groups.slots[slot]
        if number == 0:
            groups.slots[slot] = used + 1
            new = np.uint64(used)
            groups.keys[new], groups.counts[new], groups.firsts[new] = key, 1, place
            return used
        found = np.uint64(number - 1)
        if groups.keys[found] == key:
            groups.counts[found] += 1
            return int(number - 1)
        slot = (slot + np.uint64(1)) & mask


@kernel
def count_of(groups: Groups, shift: int, key: np.uint64) -> int:
    """How often a key came."""
    mask = (np.uint64(1) << np.uint64(64 - shift)) - np.uint64(1)
    slot = (key * _SPREAD) >> np.uint64(shift)
    while groups.slots[slot]:
        found = np.uint64(groups.slots[slot] - 1)
        if groups.keys[found] == key:
            return int(groups.counts[found])
        slot = (slot + np.uint64(1)) & mask
    return 0
