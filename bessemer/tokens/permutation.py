"""A keyed permutation of 0 … n - 1 that is computed, not stored: sample k of epoch e needs no memory and no search."""

from __future__ import annotations

import numpy as np
import xxhash
from numpy.typing import NDArray

ROUNDS = 6
"""Four rounds are provably pseudo-random for a random round function (Luby and Rackoff 1988); two more as a margin
for small domains, whose halves are only a few bits wide. Even, so that halves of unequal width end where they began."""


class KeyedPermutation:
    """A bijection of ``range(size)`` chosen by a key: a Feistel network, walked back inside.

    The network permutes the next power of two, less than twice the domain; a value that falls outside the domain is
    sent through again until it is inside ("cycle walking", Black and Rogaway 2002), which keeps the map a bijection and
    takes fewer than two passes on average. Where the number of bits is odd, the halves differ by one bit and swap their
    widths in each round.
    """

    def __init__(self, size: int, *key: int | str) -> None:
        """Prepare the round keys.

        Args:
            size: number of elements, at least 1 and below 2**62.
            key: whatever names this permutation, for example a purpose, a seed and an epoch.

        Raises:
            ValueError: ``size`` is out of bounds.
        """
        if not 1 <= size < 2**62:
            raise ValueError(f"a permutation needs a size from 1 to 2**62 - 1, not {size}")
        self.size = size
        name = "\x1f".join(str(part) for part in key).encode()
        bits = max(2, (size - 1).bit_length())
        self._right_bits = np.uint64(bits // 2)
        self._masks = (np.uint64((1 << (bits - bits // 2)) - 1), np.uint64((1 << bits // 2) - 1))
        self._round_keys = [np.uint64(xxhash.xxh3_64_intdigest(name, seed=number)) for number in range(ROUNDS)]

    def __call__(self, positions: NDArray[np.integer]) -> NDArray[np.int64]:
        """Where each position goes.

        Args:
            positions: any shape, integers in ``[0, size)``.

        Returns:
            Same shape, int64, each in ``[0, size)``; distinct for distinct positions.

        Raises:
            IndexError: a position is outside the domain.
        """
        values = np.atleast_1d(np.asarray(positions, dtype=np.int64))
        if values.size and (values.min() < 0 or values.max() >= self.size):
            raise IndexError(f"a position is outside [0, {self.size})")
        flat = self._network(values.ravel().astype(np.uint64))
        outside = np.flatnonzero(flat >= self.size)
        while outside.size:
            flat[outside] = self._network(flat[outside])
            outside = outside[flat[outside] >= self.size]
        return flat.astype(np.int64).reshape(np.shape(positions))

    def _network(self, values: NDArray[np.uint64]) -> NDArray[np.uint64]:
        left, right = values >> self._right_bits, values & self._masks[1]
        for number, key in enumerate(self._round_keys):
            left, right = right, left ^ (_splitmix(right + key) & self._masks[number % 2])
        return (left << self._right_bits) | right


def _splitmix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014), element by element, modulo 2**64."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
