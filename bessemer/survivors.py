"""Documents dropped for the sake of a look-alike that stays: of a corpus, and of one of its shards."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from bessemer.shards import ShardInfo


@dataclass(frozen=True)
class Duplicates:
    """The duplicates among the documents of one shard.

    Attributes:
        rows: row numbers in the shard, ascending.
        evidence: id of the kept document, for each of ``rows``.
        similarity: float32, to it.
        identical: bool, same normalised text.
    """

    rows: NDArray[np.int64]
    evidence: list[str]
    similarity: NDArray[np.float32]
    identical: NDArray[np.bool_]

    @classmethod
    def none(cls) -> "Duplicates":
        """No duplicate in the shard."""
        return cls(np.empty(0, np.int64), [], np.empty(0, np.float32), np.empty(0, np.bool_))

    @property
    def digest(self) -> str:
        """Digest of all of it: what a job that applies the choice depends on."""
        parts = (
            self.rows.tobytes(),
            "\n".join(self.evidence).encode(),
            self.similarity.tobytes(),
            self.identical.tobytes(),
        )
        return xxhash.xxh3_128_hexdigest(b"\0".join(parts))


@dataclass(frozen=True)
class CorpusDuplicates:
    """The duplicates of a corpus; a document is its row, counted over all shards.

    Attributes:
        rows: int64, ascending.
        evidence: int64: the kept document, for each of ``rows``.
        similarity: float32, to it.
        identical: bool, same normalised text.
    """

    rows: NDArray[np.int64]
    evidence: NDArray[np.int64]
    similarity: NDArray[np.float32]
    identical: NDArray[np.bool_]

    @classmethod
    def none(cls) -> "CorpusDuplicates":
        """No duplicate in the corpus."""
        empty = np.empty(0, np.int64)
        return cls(empty, empty, np.empty(0, np.float32), np.empty(0, np.bool_))

    def by_shard(
        self, shards: Sequence[ShardInfo], rows: NDArray[np.int64], ids: "pa.ChunkedArray[Any]"
    ) -> dict[str, Duplicates]:
        """Shard to its duplicates; shards without any are left out.

        Args:
            shards: of the corpus, in order.
            rows: ascending: documents whose ids are known, among them all of ``evidence``.
            ids: of these.
        """
        evidence = ids.take(pa.array(np.searchsorted(rows, self.evidence))).to_pylist()
        starts = np.cumsum([0, *(shard.rows for shard in shards)])
        bounds = np.searchsorted(self.rows, starts)
        found = {}
        for place in np.flatnonzero(np.diff(bounds)).tolist():
            own = slice(int(bounds[place]), int(bounds[place + 1]))
            found[shards[place].name] = Duplicates(
                rows=self.rows[own] - starts[place],
                evidence=evidence[own],
                similarity=self.similarity[own],
                identical=self.identical[own],
            )
        return found
