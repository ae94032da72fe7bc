"""Where a document goes, as a pure function of its id: which split, which shard, which place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bessemer.text.normalize import keyed


def order_keys(ids: Sequence[str], seed: int) -> NDArray[np.uint64]:
    """Keys whose order is the global order of documents: shape (n,), uint64. Equal keys are ordered by id."""
    return np.array([keyed(name, seed, "shard.order") for name in ids], dtype=np.uint64)


def order_copies(
    ids: Sequence[str], copies: NDArray[np.int64], seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.uint64]]:
    """The places of all copies of documents in the global order; a document without any is there once.

    Args:
        ids: of n documents.
        copies: shape (n,): of each.
        seed: of the order.

    Returns:
        For each copy, in the order of keys (of equal ones by id and number): the document, the number of the copy from
        0, and its key, which is that of :func:`order_keys` for the first copy.
    """
    rows = np.repeat(np.arange(len(ids)), np.maximum(copies, 1))
    starts = np.flatnonzero(np.concatenate(([True], rows[1:] != rows[:-1]))) if len(rows) else rows
    number = np.arange(len(rows)) - np.repeat(starts, np.maximum(copies, 1))
    places = list(zip(rows.tolist(), number.tolist(), strict=True))
    keys = order_keys([f"{ids[row]} {copy}" if copy else ids[row] for row, copy in places], seed)
    order = np.array(sorted(range(len(rows)), key=lambda at: (keys[at], ids[places[at][0]], places[at][1])), np.int64)
    return rows[order], number[order].astype(np.int32), keys[order]


def validation_mask(ids: Sequence[str], seed: int, fraction: float) -> NDArray[np.bool_]:
    """Which documents are held out: shape (n,), bool.

    A document stays on its side whatever is added or removed, and a larger fraction only adds to a smaller one.
    """
    limit = int(fraction * 2.0**64)
    return np.array([keyed(name, seed, "shard.validation") < limit for name in ids], dtype=bool)


def key_range(shard: int, shards: int) -> tuple[int, int]:
    """The half-open range of order keys that makes a shard: the ranges of all shards part ``[0, 2**64)`` evenly."""
    return (shard << 64) // shards, ((shard + 1) << 64) // shards
