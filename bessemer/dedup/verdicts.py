"""What earlier runs found out about pairs of texts, so that a pair is compared once.

The similarity of two documents depends on their normalised texts only, so a verdict is kept under the hashes of both.
The verdicts of the last run lie in the shard cache as one entry, which the next run replaces; without it everything is
compared again, with the same result.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bessemer.cache import ShardCache
from bessemer.dedup.corpus import read_columns
from bessemer.shards import write_shard
from bessemer.text.ngrams import mix

_NAME = "verdicts"
_MULTIPLIERS = np.array([0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93], np.uint64)


@dataclass(frozen=True)
class Verdicts:
    """Known similarities.

    Attributes:
        keys: shape (n, 2), uint64, ascending by the first column: of pairs, as :func:`pair_keys` makes them.
        similarity: shape (n,), float64.
    """

    keys: NDArray[np.uint64]
    similarity: NDArray[np.float64]

    def of(self, keys: NDArray[np.uint64]) -> NDArray[np.float64]:
        """Shape (pairs,), float64: the similarity of each pair, nan where it is not known."""
        known = np.full(len(keys), np.nan)
        if len(self.keys) and len(keys):
            place = np.minimum(np.searchsorted(self.keys[:, 0], keys[:, 0]), len(self.keys) - 1)
            same = (self.keys[place] == keys).all(axis=1)
            known[same] = self.similarity[place[same]]
        return known


def pair_keys(pairs: NDArray[np.int64], hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """128 bits for each unordered pair of texts.

    Args:
        pairs: shape (pairs, 2): rows.
        hashes: shape (documents, 2), uint64: of the normalised texts.

    Returns:
        Shape (pairs, 2), uint64; two pairs share a key with a probability of about 2**-128.
    """
    a, b = hashes[pairs[:, 0]], hashes[pairs[:, 1]]
    swap = (a[:, 0] > b[:, 0]) | ((a[:, 0] == b[:, 0]) & (a[:, 1] > b[:, 1]))
    first, second = np.where(swap[:, None], b, a), np.where(swap[:, None], a, b)
    return mix(mix(first * _MULTIPLIERS) + second)


def load_verdicts(cache: ShardCache, key: str) -> Verdicts:
    """The verdicts of the last run with this key; none if there was no such run."""
    entry = cache.get(key)
    if entry is None:
        return Verdicts(np.empty((0, 2), np.uint64), np.empty(0))
    table = read_columns(entry[0], _NAME, ["high", "low", "similarity"])
    keys = np.stack([table.column(name).to_numpy() for name in ("high", "low")], axis=1)
    return Verdicts(keys, table.column("similarity").to_numpy())


def store_verdicts(cache: ShardCache, key: str, keys: NDArray[np.uint64], similarity: NDArray[np.float64]) -> None:
    """Replace the verdicts under ``key``."""
    order = np.argsort(keys[:, 0])
    columns = {"high": keys[order, 0], "low": keys[order, 1], "similarity": similarity[order]}
    workspace: Path = cache.workspace()
    write_shard(workspace, _NAME, pa.table(columns), plain=["high", "low"], durable=False)
    cache.put(key, workspace, {}, replace=True)
