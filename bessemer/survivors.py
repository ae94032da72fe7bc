"""Which documents are dropped for the sake of a look-alike that stays: duplicates across all shards."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from numpy.typing import NDArray

from bessemer.config.curate import DuplicateRules
from bessemer.corpus import CorpusPaths, read_batches
from bessemer.dedup.resolve import Survivors, resolve_duplicates
from bessemer.errors import DataError
from bessemer.filters.rules import Policy, column_values
from bessemer.identifiers import codes_of, from_hex
from bessemer.progress import Progress
from bessemer.shards import ShardInfo, read_directory, read_shards, shard_names


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


def find_duplicates(
    paths: CorpusPaths, policy: Policy, rules: DuplicateRules, bar: Progress | None = None
) -> dict[str, Duplicates]:
    """Choose the survivors among all documents that pass the policy.

    Args:
        paths: the documents and their sidecars.
        policy: the limits; a document that breaks one takes no part.
        rules: threshold and priority.
        bar: advanced by one per shard.

    Returns:
        Shard to its duplicates; shards without any are left out.
    """
    if not rules.exact:
        return {}
    search = DuplicateSearch(paths, rules)
    for shards, numbers in read_batches(paths, [*policy.columns, *search.columns]):
        search.add(shards, numbers, policy.judge(numbers).passed)
        if bar is not None:
            bar.advance(len(shards))
    return search.finish()


class DuplicateSearch:
    """The choice of survivors, given the documents batch by batch.

    Only documents that have a twin or are in a stored pair are held in memory.
    """

    def __init__(self, paths: CorpusPaths, rules: DuplicateRules) -> None:
        self._paths, self._rules = paths, rules
        self._found: list[pa.Table] = []
        self._names: list[str] = []

    @property
    def columns(self) -> list[str]:
        """What :meth:`add` needs of :func:`bessemer.corpus.read_batches`."""
        return ["id", *_DECISIVE] if self._rules.exact else []

    def add(self, shards: Sequence[ShardInfo], numbers: pa.Table, passed: NDArray[np.bool_]) -> None:
        """The next shards.

        Args:
            shards: in their order.
            numbers: of their documents.
            passed: shape (documents,): those that take part.
        """
        if self._rules.exact:
            dates = _dates(self._paths, shards, self._rules)
            self._found.append(_candidates(shards, numbers, passed, dates, len(self._names)))
            self._names += [shard.name for shard in shards]

    def finish(self) -> dict[str, Duplicates]:
        """Shard to its duplicates; shards without any are left out."""
        if not self._found:
            return {}
        table = pa.concat_tables(self._found)
        pairs = read_directory(self._paths.pairs) if shard_names(self._paths.pairs) else _NO_PAIRS
        return _by_shard(table, _survivors(table, pairs, self._rules), self._names)


_NO_PAIRS = pa.table(
    {
        "id_a": pa.array([], pa.string()),
        "id_b": pa.array([], pa.string()),
        "similarity": pa.array([], pa.float32()),
    }
)


_DECISIVE = ["group", "group_size", "near_duplicates", "words", "classifier_score"]


def _dates(paths: CorpusPaths, shards: Sequence[ShardInfo], rules: DuplicateRules) -> "pa.ChunkedArray[Any]":
    """Dates of the documents, if they matter."""
    if {"newest", "oldest"} & set(rules.priority):
        return read_shards(paths.documents, [shard.name for shard in shards], ["date"]).column("date")
    return pa.chunked_array([pa.nulls(sum(shard.rows for shard in shards), pa.string())])


def _candidates(
    shards: Sequence[ShardInfo],
    numbers: pa.Table,
    passed: NDArray[np.bool_],
    dates: "pa.ChunkedArray[Any]",
    before: int,
) -> pa.Table:
    """Documents of some shards, counted from ``before``, that may be duplicates, with what decides between them."""
    involved = (numbers.column("group_size").to_numpy() > 1) | (numbers.column("near_duplicates").to_numpy() > 0)
    rows = [shard.rows for shard in shards]
    table = pa.table(
        {
            "id": numbers.column("id"),
            "group": numbers.column("group"),
            "words": numbers.column("words").cast(pa.int64()),
            "quality": numbers.column("classifier_score").cast(pa.float64()),
            "date": dates,
            "eligible": pa.array(passed),
            "shard": pa.array(np.repeat(np.arange(before, before + len(shards)), rows)),
            "row": pa.array(np.concatenate([np.arange(count) for count in rows])),
        }
    )
    return table.filter(pa.array(involved))


def _survivors(table: pa.Table, pairs: pa.Table, rules: DuplicateRules) -> Survivors:
    groups = codes_of(from_hex(table.column("group")))
    return resolve_duplicates(
        eligible=np.asarray(table.column("eligible").to_numpy(), dtype=np.bool_),
        rank=priority_rank(table, rules.priority),
        group=groups,
        pairs=groups[_rows_of_pairs(table, pairs)],
        similarity=pairs.column("similarity").to_numpy().astype(np.float32),
        threshold=rules.threshold,
    )


def _rows_of_pairs(table: pa.Table, pairs: pa.Table) -> NDArray[np.int64]:
    """Shape (pairs, 2): rows of ``table`` that have the ids of the pairs."""
    named = [from_hex(pairs.column(name)) for name in ("id_a", "id_b")]
    codes = codes_of(np.concatenate((from_hex(table.column("id")), *named)))
    row_of = np.full(codes.max(initial=-1) + 1, -1)
    row_of[codes[: len(table)]] = np.arange(len(table))
    rows = row_of[codes[len(table) :]].reshape(2, -1).T
    if (rows < 0).any():
        raise DataError(
            "data/dedup/pairs names documents that data/documents does not have; run the stage dedup again."
        )
    return rows


def priority_rank(table: pa.Table, priority: Sequence[str]) -> NDArray[np.int64]:
    """Rank of each document, 0 the best. What is missing (no score, no date) comes last; the id breaks the last ties.

    Args:
        table: columns ``id``, ``quality``, ``words``, ``date``.
        priority: as ``curate.duplicates.priority``.
    """
    ids = from_hex(table.column("id"))
    keys: list[NDArray[np.float64] | NDArray[np.int64]] = []
    for name in priority:
        if name == "id":
            break
        if name == "quality":
            keys.append(np.nan_to_num(-column_values(table, "quality"), nan=np.inf))
        elif name == "length":
            keys.append(-table.column("words").to_numpy())
        else:
            keys.append(_date_key(table.column("date"), newest=name == "newest"))
    order = np.lexsort((ids[:, 1], ids[:, 0], *reversed(keys)))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank


def _date_key(dates: "pa.ChunkedArray[Any]", *, newest: bool) -> NDArray[np.int64]:
    """ISO dates as numbers to sort by, the wanted first, missing ones last."""
    present = dates.is_valid().to_numpy()
    rank = pc.rank(dates, tiebreaker="dense").to_numpy().astype(np.int64)
    key = -rank if newest else rank
    return np.where(present, key, np.iinfo(np.int64).max)


def _by_shard(table: pa.Table, survivors: Survivors, names: list[str]) -> dict[str, Duplicates]:
    dropped = np.flatnonzero(survivors.dropped)
    shards = table.column("shard").to_numpy()[dropped]
    rows = table.column("row").to_numpy()[dropped]
    ids = table.column("id").combine_chunks()
    order = np.lexsort((rows, shards))
    places, starts = np.unique(shards[order], return_index=True)
    found = {}
    for place, here in zip(places.tolist(), np.split(order, starts[1:]), strict=True) if len(order) else ():
        found[names[place]] = Duplicates(
            rows=rows[here],
            evidence=ids.take(pa.array(survivors.evidence[dropped[here]])).to_pylist(),
            similarity=survivors.similarity[dropped[here]],
            identical=survivors.identical[dropped[here]],
        )
    return found
