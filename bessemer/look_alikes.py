"""The documents that may be duplicates, across all shards, with all that decides which of them stay."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bessemer.config.curate import DuplicateRules
from bessemer.corpus import CorpusPaths, read_batches
from bessemer.dedup.resolve import resolve_duplicates
from bessemer.errors import DataError
from bessemer.filters.rules import Policy, column_values
from bessemer.identifiers import codes_of, from_hex
from bessemer.progress import Progress
from bessemer.shards import ShardInfo, read_directory, read_shard, read_shards, shard_names, write_shard
from bessemer.survivors import CorpusDuplicates

_DOCUMENTS, _PAIRS = "look_alikes", "look_alike_pairs"
_DECISIVE = ["group", "group_size", "near_duplicates", "words", "classifier_score"]


@dataclass(frozen=True)
class LookAlikes:
    """Documents that have a twin or are in a stored pair.

    Attributes:
        documents: ``row`` over the whole corpus, ascending; ``group``, a number that twins share; ``id_order``, the
            place of the id among these; ``words``; ``quality``, null if not scored; ``date``, null if there is none.
        pairs: ``group_a`` and ``group_b``, and ``similarity``, their true Jaccard.
    """

    documents: pa.Table
    pairs: pa.Table

    def choose(self, passed: NDArray[np.bool_], rules: DuplicateRules) -> CorpusDuplicates:
        """Choose the survivors.

        Args:
            passed: shape (documents of the corpus,): those that take part.
            rules: threshold and priority.
        """
        if not rules.exact or not self.documents.num_rows:
            return CorpusDuplicates.none()
        rows = self.documents.column("row").to_numpy()
        pairs = [self.pairs.column(name).to_numpy() for name in ("group_a", "group_b")]
        survivors = resolve_duplicates(
            eligible=passed[rows],
            rank=priority_rank(self.documents, rules.priority),
            group=self.documents.column("group").to_numpy(),
            pairs=np.stack(pairs, axis=1),
            similarity=self.pairs.column("similarity").to_numpy(),
            threshold=rules.threshold,
        )
        dropped = np.flatnonzero(survivors.dropped)
        return CorpusDuplicates(
            rows=rows[dropped],
            evidence=rows[survivors.evidence[dropped]],
            similarity=survivors.similarity[dropped],
            identical=survivors.identical[dropped],
        )

    def write(self, directory: Path) -> None:
        """Write both tables into a folder."""
        write_shard(directory, _DOCUMENTS, self.documents, plain=["id_order"])
        write_shard(directory, _PAIRS, self.pairs)

    @classmethod
    def read(cls, directory: Path) -> "LookAlikes":
        """What was written.

        Raises:
            DataError: it is missing or damaged.
        """
        return cls(*(read_shard(directory, name) for name in (_DOCUMENTS, _PAIRS)))


@dataclass(frozen=True)
class Survey:
    """All documents of a corpus, judged by a policy from their numbers.

    Attributes:
        first: shape (documents,), int16: the place of the first limit of the policy that each breaks; -1 for none.
        look_alikes: those among them that may be duplicates.
        ids: of these, as 32 hex digits.
    """

    first: NDArray[np.int16]
    look_alikes: LookAlikes
    ids: "pa.ChunkedArray[Any]"


def survey(paths: CorpusPaths, policy: Policy, bar: Progress | None = None) -> Survey:
    """Read the numbers of all documents once; only those of look-alikes stay in memory.

    Args:
        paths: the documents and their sidecars.
        policy: the limits.
        bar: advanced by one per shard.
    """
    first = [np.empty(0, np.int16)]
    found: list[pa.Table] = []
    before = 0
    for shards, numbers in read_batches(paths, ["language", *policy.columns, "id", *_DECISIVE]):
        first.append(policy.judge(numbers).first.astype(np.int16))
        found.append(_involved(numbers, _dates(paths, shards), before))
        before += numbers.num_rows
        if bar is not None:
            bar.advance(len(shards))
    documents = pa.concat_tables(found) if found else _NONE
    pairs = read_directory(paths.pairs) if shard_names(paths.pairs) else _NO_PAIRS
    return Survey(np.concatenate(first), _numbered(documents, pairs), documents.column("id"))


_NONE = pa.table(
    {
        "row": pa.array([], pa.int64()),
        "id": pa.array([], pa.string()),
        "group": pa.array([], pa.string()),
        "words": pa.array([], pa.int64()),
        "quality": pa.array([], pa.float64()),
        "date": pa.array([], pa.string()),
    }
)
_NO_PAIRS = pa.table(
    {
        "id_a": pa.array([], pa.string()),
        "id_b": pa.array([], pa.string()),
        "similarity": pa.array([], pa.float32()),
    }
)


def _dates(paths: CorpusPaths, shards: Sequence[ShardInfo]) -> "pa.ChunkedArray[Any]":
    return read_shards(paths.documents, [shard.name for shard in shards], ["date"]).column("date")


def _involved(numbers: pa.Table, dates: "pa.ChunkedArray[Any]", before: int) -> pa.Table:
    """Documents of some shards, counted from ``before``, that may be duplicates, with what decides between them."""
    involved = (numbers.column("group_size").to_numpy() > 1) | (numbers.column("near_duplicates").to_numpy() > 0)
    table = pa.table(
        {
            "row": pa.array(np.arange(before, before + numbers.num_rows)),
            "id": numbers.column("id"),
            "group": numbers.column("group"),
            "words": numbers.column("words").cast(pa.int64()),
            "quality": numbers.column("classifier_score").cast(pa.float64()),
            "date": dates,
        }
    )
    return table.filter(pa.array(involved))


def _numbered(documents: pa.Table, pairs: pa.Table) -> LookAlikes:
    """Ids and groups as numbers, which are compared faster."""
    ids = from_hex(documents.column("id"))
    groups = codes_of(from_hex(documents.column("group")))
    group_a, group_b = groups[_rows_of(ids, pairs)]
    columns = {
        "row": documents.column("row"),
        "group": pa.array(groups),
        "id_order": pa.array(codes_of(ids)),
        **{name: documents.column(name) for name in ("words", "quality", "date")},
    }
    similarity = pairs.column("similarity").cast(pa.float32())
    return LookAlikes(pa.table(columns), pa.table({"group_a": group_a, "group_b": group_b, "similarity": similarity}))


def _rows_of(ids: NDArray[np.uint64], pairs: pa.Table) -> NDArray[np.int64]:
    """Shape (2, pairs): where the first and the second id of each pair are among ``ids``."""
    named = [from_hex(pairs.column(name)) for name in ("id_a", "id_b")]
    codes = codes_of(np.concatenate((ids, *named)))
    row_of = np.full(codes.max(initial=-1) + 1, -1)
    row_of[codes[: len(ids)]] = np.arange(len(ids))
    rows = row_of[codes[len(ids) :]].reshape(2, -1)
    if (rows < 0).any():
        raise DataError(
            "data/dedup/pairs names documents that data/documents does not have; run the stage dedup again."
        )
    return rows


def priority_rank(table: pa.Table, priority: Sequence[str]) -> NDArray[np.int64]:
    """Rank of each document, 0 the best. What is missing (no score, no date) comes last; the id breaks the last ties.

    Args:
        table: columns ``id_order``, ``quality``, ``words``, ``date``.
        priority: as ``curate.duplicates.priority``.
    """
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
    order = np.lexsort((table.column("id_order").to_numpy(), *reversed(keys)))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank


def _date_key(dates: "pa.ChunkedArray[Any]", *, newest: bool) -> NDArray[np.int64]:
    """ISO dates as numbers to sort by, the wanted first, missing ones last."""
    present = dates.is_valid().to_numpy()
    rank = pc.rank(dates, tiebreaker="dense").to_numpy().astype(np.int64)
    key = -rank if newest else rank
    return np.where(present, key, np.iinfo(np.int64).max)
