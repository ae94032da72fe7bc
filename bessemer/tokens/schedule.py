"""In which order samples are taken: from a global number to a layout and a sample of it, without state."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bessemer.tokens.permutation import KeyedPermutation


class Order(Protocol):
    """Where the samples of a run come from."""

    def __call__(self, indices: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The number of the layout, and of the sample in it, for each global number; both shaped as ``indices``."""
        ...


class Epochs:
    """One layout, epoch after epoch, each in an order of its own."""

    def __init__(self, count: int, seed: int) -> None:
        """Walk ``count`` samples in orders with the key ``seed``."""
        self._count, self._seed = count, seed

    def __call__(self, indices: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Layout 0, and its samples."""
        return np.zeros_like(indices), shuffled(indices, self._count, "bessemer.windows", self._seed)


def shuffled(numbers: NDArray[np.int64], count: int, *key: int | str) -> NDArray[np.int64]:
    """The sample that is taken as number 0, 1, 2, … of a layout with ``count`` of them.

    Epoch ``e = number // count`` walks all of them in the order of the permutation with the key (``key``, e).
    """
    epochs, offsets = np.divmod(numbers, count)
    samples = np.empty_like(offsets)
    for epoch in np.unique(epochs).tolist():
        chosen = epochs == epoch
        samples[chosen] = KeyedPermutation(count, *key, epoch)(offsets[chosen])
    return samples
