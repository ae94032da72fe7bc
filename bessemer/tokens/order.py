"""Where a document goes, as a pure function of its id: which split, which shard, which place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bessemer.text.normalize import keyed


def order_keys(ids: Sequence[str], seed: int) -> NDArray[np.uint64]:
    """Keys whose order is the global order of documents: shape (n,), uint64. Equal keys are ordered by id."""
    return np.array([keyed(name, seed, "shard.order") for name in ids], dtype=np.uint64)


def validation_mask(ids: Sequence[str], seed: int, fraction: float) -> NDArray[np.bool_]:
    """Which documents are held out: shape (n,), bool.

    A document stays on its side whatever is added or removed, and a larger fraction only adds to a smaller one.
    """
    limit = int(fraction * 2.0**64)
    return np.array([keyed(name, seed, "shard.validation") < limit for name in ids], dtype=bool)


def key_range(shard: int, shards: int) -> tuple[int, int]:
    """The half-open range of order keys that makes a shard: the ranges of all shards part ``[0, 2**64)`` evenly."""
    return (shard << 64) // shards, ((shard + 1) << 64) // shards
