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
from bessemer.corpus import CorpusPaths, read_numbers
from bessemer.dedup.resolve import Survivors, resolve_duplicates
from bessemer.errors import DataError
from bessemer.filters.rules import Policy, column_values
from bessemer.progress import Progress
from bessemer.shards import read_directory, read_shard, shard_names


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

    Only documents that have a twin or are in a stored pair are held in memory.

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
    pairs = read_directory(paths.pairs) if shard_names(paths.pairs) else _NO_PAIRS
    paired = pa.chunked_array([*pairs.column("id_a").chunks, *pairs.column("id_b").chunks], pa.string())
    candidates = []
    for place, shard in enumerate(shard_names(paths.documents)):
        candidates.append(_candidates(paths, policy, shard, place, paired))
        if bar is not None:
            bar.advance()
    if not candidates:
        return {}
    table = pa.concat_tables(candidates)
    survivors = _survivors(table, pairs, rules)
    return _by_shard(table, survivors, shard_names(paths.documents))


_NO_PAIRS = pa.table(
    {
        "id_a": pa.array([], pa.string()),
        "id_b": pa.array([], pa.string()),
        "similarity": pa.array([], pa.float32()),
    }
)


def _candidates(paths: CorpusPaths, policy: Policy, shard: str, place: int, paired: "pa.ChunkedArray[Any]") -> pa.Table:
    """Documents of one shard that may be duplicates, with what decides between them."""
    names = [*policy.columns, "group", "group_size", "words", "classifier_score"]
    numbers = read_numbers(paths, shard, list(dict.fromkeys(names)))
    twins = numbers.column("group_size").to_numpy() > 1
    involved = twins | pc.is_in(numbers.column("id"), value_set=paired).to_numpy()
    passed = pa.chunked_array([pa.array(policy.judge(numbers).passed)])
    dates = read_shard(paths.documents, shard, ["date"]).column("date")
    table = pa.table(
        {
            "id": numbers.column("id"),
            "group": numbers.column("group"),
            "words": numbers.column("words").cast(pa.int64()),
            "quality": numbers.column("classifier_score").cast(pa.float64()),
            "date": dates,
            "eligible": passed,
            "shard": pa.array(np.full(numbers.num_rows, place, np.int64)),
            "row": pa.array(np.arange(numbers.num_rows, dtype=np.int64)),
        }
    )
    return table.filter(pa.array(involved))


def _survivors(table: pa.Table, pairs: pa.Table, rules: DuplicateRules) -> Survivors:
    groups = pc.rank(table.column("group"), tiebreaker="dense").to_numpy().astype(np.int64)
    ends = []
    for name in ("id_a", "id_b"):
        found = pc.index_in(pairs.column(name), value_set=table.column("id").combine_chunks())
        if found.null_count:
            raise DataError(
                "data/dedup/pairs names documents that data/documents does not have; run the stage dedup again."
            )
        ends.append(groups[found.to_numpy().astype(np.int64)])
    return resolve_duplicates(
        eligible=np.asarray(table.column("eligible").to_numpy(), dtype=np.bool_),
        rank=priority_rank(table, rules.priority),
        group=groups,
        pairs=np.stack(ends, axis=1),
        similarity=pairs.column("similarity").to_numpy().astype(np.float32),
        threshold=rules.threshold,
    )


def priority_rank(table: pa.Table, priority: Sequence[str]) -> NDArray[np.int64]:
    """Rank of each document, 0 the best. What is missing (no score, no date) comes last; the id breaks the last ties.

    Args:
        table: columns ``id``, ``quality``, ``words``, ``date``.
        priority: as ``curate.duplicates.priority``.
    """
    ids = pc.rank(table.column("id"), tiebreaker="first").to_numpy().astype(np.int64)
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
    order = np.lexsort((ids, *reversed(keys)))
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
    found = {}
    for place in np.unique(shards).tolist():
        here = np.flatnonzero(shards == place)
        here = here[np.argsort(rows[here])]
        found[names[place]] = Duplicates(
            rows=rows[here],
            evidence=[str(ids[index]) for index in survivors.evidence[dropped[here]].tolist()],
            similarity=survivors.similarity[dropped[here]],
            identical=survivors.identical[dropped[here]],
        )
    return found
