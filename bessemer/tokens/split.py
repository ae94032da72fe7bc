"""The two splits of a corpus: what is held out, what is left out of training for its sake, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bessemer.filters.rules import Reason
from bessemer.ledger import LEDGER_SCHEMA, Fate
from bessemer.shards import read_shard, shard_names
from bessemer.tokens.order import validation_mask
from bessemer.tokens.validation import ValidationIndex, near_duplicates, overlaps
from bessemer.weights import copies_of

STAGE = "shard"
_BATCH = 512
_OVERLAPS: list[pa.Field[Any]] = [
    pa.field("id", pa.string(), nullable=False),
    pa.field("source", pa.string(), nullable=False),
    pa.field("language", pa.string()),
    pa.field("bytes", pa.int64(), nullable=False),
    pa.field("held_out", pa.bool_(), nullable=False),
    pa.field("share", pa.float64(), nullable=False),
    pa.field("reverse_share", pa.float64(), nullable=False),
    pa.field("evidence_id", pa.string()),
    pa.field("weight", pa.float32(), nullable=False),
    pa.field("copies", pa.int64(), nullable=False),
]
OVERLAP_SCHEMA = pa.schema(_OVERLAPS)


@dataclass(frozen=True)
class Removal:
    """Why a document is left out of training."""

    reason: Reason
    value: float
    threshold: float | None = None
    evidence_id: str | None = None


def strings(table: pa.Table, column: str) -> list[str]:
    """A column of strings without nulls, as a list."""
    return cast(list[str], table.column(column).to_pylist())


def read_validation(corpus: Path, seed: int, fraction: float) -> pa.Table:
    """``id`` and ``text`` (and ``source``) of the held-out documents, one shard of the corpus in memory at a time."""
    tables = []
    for name in shard_names(corpus):
        table = read_shard(corpus, name, ["id", "source", "text"])
        tables.append(table.filter(pa.array(validation_mask(strings(table, "id"), seed, fraction))))
    return pa.concat_tables(tables)


def overlap_table(table: pa.Table, index: ValidationIndex, seed: int) -> pa.Table:
    """What each document of a shard shares with validation.

    Args:
        table: with ``id``, ``source``, ``language``, ``weight`` and ``text``.
        index: of the held-out documents; these share nothing with themselves.
        seed: by which weights become copies.

    Returns:
        Rows of :data:`OVERLAP_SCHEMA`, in the same order.
    """
    held_out = pc.is_in(table.column("id"), value_set=pa.array([name.decode() for name in index.ids.tolist()]))
    shares, reverse, evidence = [], [], []
    for start in range(0, table.num_rows, _BATCH):
        for overlap in overlaps(index, strings(table.slice(start, _BATCH), "text")):
            shares.append(overlap.share)
            reverse.append(overlap.reverse_share)
            evidence.append(overlap.evidence)
    columns = {
        "id": table.column("id"),
        "source": table.column("source"),
        "language": table.column("language"),
        "bytes": pc.binary_length(table.column("text")).cast(pa.int64()),
        "held_out": held_out,
        "share": pa.array(shares, pa.float64()),
        "reverse_share": pa.array(reverse, pa.float64()),
        "evidence_id": pa.array(evidence, pa.string()),
        "weight": table.column("weight"),
        "copies": pa.array(copies_of(strings(table, "id"), table.column("weight").to_numpy(), seed)),
    }
    return pa.table(columns).cast(OVERLAP_SCHEMA)


def read_near_duplicates(
    held_out: Sequence[str], exact: Path, pairs: Path, similarity: float
) -> tuple[dict[str, tuple[str, float]], dict[str, str]]:
    """Near duplicates of held-out documents, from what ``dedup`` verified.

    Returns:
        As :func:`bessemer.tokens.validation.near_duplicates`, and the representative of each document that shares its
        normalised text with another.
    """
    representatives = _representatives(exact)
    return near_duplicates(held_out, representatives, _pairs(pairs), similarity), representatives


def removal(
    row: dict[str, Any], similar: tuple[str, float] | None, *, similarity: float, max_overlap: float
) -> Removal | None:
    """The verdict on one row of an overlap table.

    Args:
        row: of :data:`OVERLAP_SCHEMA`.
        similar: the held-out document that it is verified similar to, and how much.
        similarity: from which similarity on it leaves; recorded as the threshold.
        max_overlap: largest share that may be in validation.
    """
    if row["held_out"]:
        return None
    if similar is not None:
        return Removal(Reason.VALIDATION_NEAR_DUPLICATE, similar[1], similarity, similar[0])
    value = max(row["share"], row["reverse_share"])
    if value > max_overlap:
        return Removal(Reason.VALIDATION_OVERLAP, value, max_overlap, row["evidence_id"])
    return Removal(Reason.SAMPLED_OUT, row["weight"]) if not row["copies"] else None


def ledger_table(rows: Sequence[tuple[dict[str, Any], Removal]]) -> pa.Table:
    """Rows of the ledger for removed documents; ``bytes`` are those of the curated text."""
    columns: dict[str, list[Any]] = {name: [] for name in LEDGER_SCHEMA.names}
    for row, why in rows:
        values = {
            "id": row["id"],
            "source": row["source"],
            "fate": str(Fate.DROPPED),
            "stage": STAGE,
            "reason": str(why.reason),
            "value": why.value,
            "threshold": why.threshold,
            "evidence_id": why.evidence_id,
            "language": row["language"],
            "bytes": row["bytes"],
            "reasons": [str(why.reason)],
        }
        for name, value in values.items():
            columns[name].append(value)
    return pa.table(columns, schema=LEDGER_SCHEMA)


def _representatives(exact: Path) -> dict[str, str]:
    """Document to the smallest id of its exact group, for groups of more than one."""
    members: dict[str, list[str]] = {}
    for name in shard_names(exact):
        table = read_shard(exact, name, ["id", "group", "group_size"])
        shared = table.filter(pc.greater(table.column("group_size"), pa.scalar(1, pa.int32())))
        for identity, group in zip(strings(shared, "id"), strings(shared, "group"), strict=True):
            members.setdefault(group, []).append(identity)
    return {identity: min(group) for group in members.values() for identity in group}


def _pairs(directory: Path) -> Iterator[tuple[str, str, float]]:
    for name in shard_names(directory):
        table = read_shard(directory, name)
        yield from zip(
            strings(table, "id_a"),
            strings(table, "id_b"),
            table.column("similarity").to_numpy().astype(np.float64).tolist(),
            strict=True,
        )
