"""The report of the stage ``shard``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bessemer.filters.rules import Reason
from bessemer.reporting.report import Check, Count, Drop, Histogram, Sample, StageReport, Table, check, histogram
from bessemer.tokens.directory import DOCUMENTS, DOCUMENTS_SCHEMA, TokenManifest

_SPLITS = ("train", "val")
_CUT = 600
_REMOVALS = (Reason.VALIDATION_NEAR_DUPLICATE, Reason.VALIDATION_OVERLAP, Reason.SAMPLED_OUT)


@dataclass(frozen=True)
class Split:
    """A finished token directory."""

    directory: Path
    manifest: TokenManifest

    def documents(self) -> pa.Table:
        """``documents.parquet`` without texts."""
        return pq.read_table(self.directory / DOCUMENTS, columns=DOCUMENTS_SCHEMA.names, partitioning=None)


def report_shards(
    train: Split,
    val: Split,
    *,
    overlap: pa.Table,
    removed: pa.Table,
    texts: Mapping[str, str],
    max_overlap: float,
    made_from: Mapping[str, str],
) -> StageReport:
    """Build the report.

    Args:
        train: the training split.
        val: the validation split.
        overlap: all documents with what they share with validation.
        removed: rows of the ledger.
        texts: texts of the removed documents that are to be shown, by id.
        max_overlap: drawn into the histogram.
        made_from: digests for the provenance.
    """
    documents = {"train": train.documents(), "val": val.documents()}
    sums = {name: _sums(table) for name, table in documents.items()}
    drops = [_drop(removed, reason) for reason in _REMOVALS]
    total_bytes = int(pc.sum(overlap.column("bytes")).as_py() or 0)
    distinct = int(pc.count_distinct(documents["train"].column("id")).as_py())
    metrics: dict[str, int | float | str] = {"bytes_per_token": _ratio(total_bytes_of(sums), total_tokens_of(sums))}
    for name, (rows, size, tokens) in sums.items():
        metrics |= {f"{name}_documents": rows, f"{name}_bytes": size, f"{name}_tokens": tokens}
    metrics |= {f"{drop.reason}_documents": drop.documents for drop in drops}
    metrics["train_repeats"] = documents["train"].num_rows - distinct
    return StageReport(
        stage="shard",
        title="Token shards",
        summary=f"{sums['train'][2]:,} tokens to train on and {sums['val'][2]:,} held out, as {train.manifest.dtype}.",
        counts=[
            Count(label="curated", documents=overlap.num_rows, bytes=total_bytes),
            Count(label="train", documents=sums["train"][0], bytes=sums["train"][1], tokens=sums["train"][2]),
            Count(label="validation", documents=sums["val"][0], bytes=sums["val"][1], tokens=sums["val"][2]),
        ],
        drops=drops,
        metrics=metrics,
        histograms=_histograms(documents.values(), overlap, max_overlap),
        tables=[
            _group_table("sources", "Tokens by source", "source", documents),
            _group_table("languages", "Tokens by language", "language", documents),
            _shard_table(train, val),
        ],
        samples=_samples(removed, texts),
        checks=_laws(documents, distinct, overlap, removed),
        provenance=dict(made_from),
    )


def _laws(documents: Mapping[str, pa.Table], distinct: int, overlap: pa.Table, removed: pa.Table) -> list[Check]:
    """Nothing went missing; ``distinct`` are the documents of train, however often each is there."""
    missing = overlap.num_rows - removed.num_rows - distinct - documents["val"].num_rows
    copies = documents["train"].num_rows - _copies(overlap, removed)
    return [
        check(metric, difference, "==", 0, severity="error", reason=reason)
        for metric, difference, reason in (
            ("law.documents", missing, "curated = train, each once, + validation + removed"),
            ("law.copies", copies, "train has as many copies of each document as its weight has made"),
        )
    ]


def _copies(overlap: pa.Table, removed: pa.Table) -> int:
    """Copies of all documents that are trained on."""
    gone = pc.or_(overlap.column("held_out"), pc.is_in(overlap.column("id"), value_set=removed.column("id")))
    return int(pc.sum(overlap.filter(pc.invert(gone)).column("copies")).as_py() or 0)


def _histograms(documents: Iterable[pa.Table], overlap: pa.Table, max_overlap: float) -> list[Histogram]:
    trained = overlap.filter(pc.invert(overlap.column("held_out")))
    shares = np.maximum(trained.column("share").to_numpy(), trained.column("reverse_share").to_numpy())
    return [
        histogram(
            "document_tokens",
            np.concatenate([table.column("tokens").to_numpy() for table in documents]),
            title="Length of documents",
            unit="tokens",
            log_x=True,
        ),
        histogram(
            "validation_overlap",
            shares[shares > 0],
            title="Share in validation, of documents that share anything",
            unit="share of 13-grams",
            bins=[round(0.02 * step, 2) for step in range(51)],
            threshold=max_overlap,
            log_y=True,
        ),
    ]


def total_bytes_of(sums: Mapping[str, tuple[int, int, int]]) -> int:
    """UTF-8 bytes of both splits."""
    return sum(size for _, size, _ in sums.values())


def total_tokens_of(sums: Mapping[str, tuple[int, int, int]]) -> int:
    """Tokens of both splits."""
    return sum(tokens for _, _, tokens in sums.values())


def _sums(table: pa.Table) -> tuple[int, int, int]:
    """Documents, bytes, tokens."""
    totals = [int(pc.sum(table.column(name)).as_py() or 0) for name in ("bytes", "tokens")]
    return table.num_rows, totals[0], totals[1]


def _drop(removed: pa.Table, reason: Reason) -> Drop:
    rows = removed.filter(pc.equal(removed.column("reason"), pa.scalar(str(reason))))
    return Drop(reason=str(reason), documents=rows.num_rows, bytes=int(pc.sum(rows.column("bytes")).as_py() or 0))


def _group_table(name: str, title: str, column: str, documents: Mapping[str, pa.Table]) -> Table:
    groups: dict[str, dict[str, tuple[int, int, int]]] = {}
    for split, table in documents.items():
        sums = table.group_by(column).aggregate([("id", "count"), ("bytes", "sum"), ("tokens", "sum")])
        for row in sums.to_pylist():
            key = row[column] or "unknown"
            groups.setdefault(key, {})[split] = (row["id_count"], row["bytes_sum"], row["tokens_sum"])
    rows: list[list[int | float | str | None]] = []
    for key, found in sorted(groups.items(), key=lambda item: (-sum(part[2] for part in item[1].values()), item[0])):
        parts = [found.get(split, (0, 0, 0)) for split in _SPLITS]
        size, tokens = sum(part[1] for part in parts), sum(part[2] for part in parts)
        rows.append([key, *parts[0], *parts[1], _ratio(size, tokens)])
    heads = [f"{split} {unit}" for split in _SPLITS for unit in ("documents", "bytes", "tokens")]
    return Table(name=name, title=title, columns=[column, *heads, "bytes per token"], rows=rows)


def _shard_table(train: Split, val: Split) -> Table:
    rows: list[list[int | float | str | None]] = [
        [name, shard.name, shard.sequences, shard.tokens, shard.bin_bytes, shard.bin_xxh3]
        for name, split in (("train", train), ("val", val))
        for shard in split.manifest.shards
    ]
    columns = ["split", "shard", "documents", "tokens", "bytes on disk", "xxh3-128"]
    return Table(name="shards", title="Shards", columns=columns, rows=rows)


def _samples(removed: pa.Table, texts: Mapping[str, str]) -> list[Sample]:
    return [
        Sample(
            group=row["reason"],
            id=row["id"],
            source=row["source"],
            text=texts[row["id"]][:_CUT],
            facts={"value": _rounded(row["value"]), "evidence": row["evidence_id"] or "", "bytes": row["bytes"]},
        )
        for row in removed.to_pylist()
        if row["id"] in texts
    ]


def shown(removed: pa.Table, per_reason: int) -> list[str]:
    """Ids of the removed documents to show: those with the smallest ids of each reason."""
    by_reason: dict[str, list[str]] = {}
    for row in sorted(removed.select(["id", "reason"]).to_pylist(), key=lambda item: str(item["id"])):
        by_reason.setdefault(row["reason"], []).append(row["id"])
    return [name for names in by_reason.values() for name in names[:per_reason]]


def _ratio(size: int, tokens: int) -> float:
    return _rounded(size / max(1, tokens))


def _rounded(value: float) -> float:
    return float(f"{value:.5g}")
