"""Curating one shard: fates, redaction of what stays, ledger rows, and the counts that the report and the laws need."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bessemer.config.curate import CurateParams, WeightRules
from bessemer.corpus import CorpusPaths, read_numbers
from bessemer.cutting import Cut, Parts, cut_parts
from bessemer.documents import CURATED_SCHEMA
from bessemer.engine import Job, OutputWriter
from bessemer.fates import CURATE, Fates, decide
from bessemer.filters.pii.finding import find_pii
from bessemer.filters.pii.kinds import Pii
from bessemer.filters.pii.redaction import Redacted, redact
from bessemer.filters.rules import Policy, column_values
from bessemer.ledger import LEDGER_SCHEMA, Fate
from bessemer.personal_data import findings_by_source, has_pii
from bessemer.repeats import Repeats
from bessemer.shards import read_shard
from bessemer.survivors import Duplicates
from bessemer.weights import weights_of

CURATED, LEDGER = "curated", "ledger"
_CUT_CHARACTERS = 600
PARTS = "repeated_parts"
CONTAMINATION = "contamination"
"""The kinds of removal beside those of personal data: lines or paragraphs that better documents have, and text of
evaluation sets."""


@dataclass(frozen=True)
class Choice:
    """What was decided over all shards for the documents of one."""

    duplicates: Duplicates
    repeats: Repeats
    family: NDArray[np.int64]
    """Shape (documents,): how many documents each stands for, itself among them."""


@dataclass(frozen=True)
class Narrow:
    """A kept document close to a limit that it meets. ``margin`` is the distance as a share of the limit."""

    reason: str
    margin: float
    id: str
    value: float
    threshold: float


@dataclass(frozen=True)
class CutSample:
    """What was cut out of a kept document: the beginning of all its parts, with personal data masked; and the bytes."""

    id: str
    source: str
    text: str
    bytes: int


@dataclass(frozen=True)
class ShardStats:
    """Counts of one shard, JSON-able.

    Attributes:
        cells: source, language, reason (empty if kept), documents, ingested bytes.
        broken: limit to the number of documents that break it, whether or not it was the first.
        found, removed, added: by kind of personal data, :data:`PARTS` and :data:`CONTAMINATION`: findings, UTF-8 bytes
            taken out, bytes of masks put in.
        personal: source, kind of personal data, documents with findings, findings, of these in dropped documents;
            whatever is done with the kind.
        redacted: ids of documents with findings, at most ``samples``.
        redacted_documents: how many there are.
        cut: what was cut out of documents, at most ``samples``, those with the smallest ids.
        narrow: kept documents nearest to each limit, at most ``samples`` a limit.
        weighted: source, kept documents, bytes of their texts, and these bytes times the weights.
    """

    documents: int
    kept: int
    ingested_bytes: int
    written: int
    written_bytes: int
    cells: list[tuple[str, str, str, int, int]]
    broken: dict[str, int]
    found: dict[str, int] = field(default_factory=dict)
    removed: dict[str, int] = field(default_factory=dict)
    added: dict[str, int] = field(default_factory=dict)
    personal: list[tuple[str, str, int, int, int]] = field(default_factory=list)
    redacted_documents: int = 0
    redacted: list[str] = field(default_factory=list)
    cut: list[CutSample] = field(default_factory=list)
    narrow: list[Narrow] = field(default_factory=list)
    weighted: list[tuple[str, int, int, float]] = field(default_factory=list)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "ShardStats":
        """The inverse of ``asdict`` after a trip through JSON."""
        changed = ("narrow", "cells", "cut", "personal", "weighted")
        rest = {name: item for name, item in value.items() if name not in changed}
        cells = [(str(a), str(b), str(c), int(d), int(e)) for a, b, c, d, e in value["cells"]]
        narrow = [Narrow(**item) for item in value["narrow"]]
        personal = [(str(a), str(b), int(c), int(d), int(e)) for a, b, c, d, e in value["personal"]]
        cut = [CutSample(**item) for item in value["cut"]]
        weighted = [(str(a), int(b), int(c), float(d)) for a, b, c, d in value["weighted"]]
        return cls(narrow=narrow, cells=cells, cut=cut, personal=personal, weighted=weighted, **rest)


def curate_shard(
    job: Job, out: OutputWriter, *, paths: CorpusPaths, policy: Policy, params: CurateParams
) -> dict[str, Any]:
    """Write the kept documents and the ledger rows of the shard ``job.name``; :class:`ShardStats` as JSON.

    Args:
        job: its payload is the shard's :class:`Choice`.
    """
    documents = read_shard(paths.documents, job.name)
    numbers = read_numbers(paths, job.name)
    if not numbers.column("id").equals(documents.column("id")):
        raise ValueError(f"shard {job.name}: the sidecars are of other documents")
    choice: Choice = job.payload
    fates = decide(policy, numbers, choice.duplicates, choice.repeats, params.duplicates)
    ledger = ledger_rows(documents, numbers, fates)
    kept = pa.array(fates.kept)
    place = np.cumsum(fates.kept) - 1  # of a kept row among the kept ones
    texts = documents.column("text").filter(kept)
    repeated = choice.repeats.cut
    contaminated = _contaminated(documents, numbers, fates, params)
    parts = repeated | contaminated
    cut = cut_parts(texts, parts.within(place))
    redacted = redact(cut.text, params.pii, has_pii(numbers)[fates.kept] | (cut.removed > 0))
    curated = curated_rows(documents.filter(kept), numbers.filter(kept), cut, redacted)
    curated = with_weights(curated, choice.family[fates.kept], params.weights)
    out.write(CURATED, job.name, curated)
    out.write(LEDGER, job.name, ledger)
    samples = _cut_samples(documents, cut.removed, place, parts, params)
    stats = _stats(
        policy=policy,
        numbers=numbers,
        fates=fates,
        ledger=ledger,
        curated=curated,
        redacted=redacted,
        samples=params.samples,
    )
    found, removed = _cut_by_kind(cut, repeated, contaminated)
    return asdict(replace(stats, cut=samples, found=stats.found | found, removed=stats.removed | removed))


def _contaminated(documents: pa.Table, numbers: pa.Table, fates: Fates, params: CurateParams) -> Parts:
    """What evaluation sets have of the kept documents, if it is cut out; with it all personal data that it touches.

    Half of a telephone number is none, and would not be masked.
    """
    if not params.contamination.cut:
        return Parts.none()
    spans = Parts.of_lists(numbers.column("spans"), fates.kept)
    touched: list[tuple[int, int, int]] = []
    for row in np.unique(spans.rows).tolist():
        text = documents.column("text")[row].as_py()
        own = spans.rows == row
        for found in find_pii(text, params.pii.phone_regions, frozenset(Pii)):
            start = len(text[: found.start].encode())
            end = start + len(text[found.start : found.end].encode())
            if ((spans.starts[own] < end) & (start < spans.ends[own])).any():
                touched.append((row, start, end))
    return spans | Parts(*np.array(touched, np.int64).reshape(-1, 3).T)


def _cut_by_kind(cut: Cut, repeated: Parts, contaminated: Parts) -> tuple[dict[str, int], dict[str, int]]:
    """Parts, and bytes, by why they were cut. White space around them counts as the latter, if there are any."""
    removed, repeats = int(cut.removed.sum()), int((repeated.ends - repeated.starts).sum())
    if not len(contaminated.rows):
        repeats = removed
    return (
        {PARTS: len(repeated.rows), CONTAMINATION: len(contaminated.rows)},
        {PARTS: repeats, CONTAMINATION: removed - repeats},
    )


def _cut_samples(
    documents: pa.Table,
    removed: NDArray[np.int64],
    place: NDArray[np.int64],
    parts: Parts,
    params: CurateParams,
) -> list[CutSample]:
    """``removed`` has the bytes cut out of each kept document; ``place`` says where a row is among these."""
    ids = documents.column("id")
    rows = sorted(np.unique(parts.rows).tolist(), key=lambda row: str(ids[row]))[: params.samples]
    texts = []
    for row in rows:
        data = documents.column("text")[row].as_py().encode()
        own = parts.rows == row
        spans = zip(parts.starts[own].tolist(), parts.ends[own].tolist(), strict=True)
        texts.append("".join(data[start:end].decode() for start, end in spans))
    masked = redact(pa.chunked_array([texts], pa.large_string()), params.pii).text.to_pylist()
    return [
        CutSample(str(ids[row]), str(documents.column("source")[row]), text[:_CUT_CHARACTERS], int(removed[place[row]]))
        for row, text in zip(rows, masked, strict=True)
    ]


def ledger_rows(documents: pa.Table, numbers: pa.Table, fates: Fates) -> pa.Table:
    """One row per document of a shard, in LEDGER_SCHEMA."""
    dropped = ~fates.kept
    columns = {
        "id": documents.column("id"),
        "source": documents.column("source"),
        "fate": np.where(dropped, Fate.DROPPED, Fate.KEPT).tolist(),
        "stage": pa.array([CURATE] * len(dropped), pa.string(), mask=~dropped),
        "reason": fates.reason,
        "value": pa.array(fates.value, mask=np.isnan(fates.value)),
        "threshold": pa.array(fates.threshold, mask=np.isnan(fates.threshold)),
        "evidence_id": fates.evidence,
        "language": numbers.column("language"),
        "bytes": pc.binary_length(documents.column("text")).cast(pa.int64()),
        "reasons": fates.reasons,
    }
    return pa.table(columns, schema=LEDGER_SCHEMA)


def curated_rows(documents: pa.Table, numbers: pa.Table, cut: Cut, redacted: Redacted) -> pa.Table:
    """Kept documents with all columns of CURATED_SCHEMA but the last two."""
    columns = {name: documents.column(name) for name in documents.column_names}
    columns |= {
        "text": redacted.text,
        "language": numbers.column("language"),
        "quality": numbers.column("classifier_score").cast(pa.float32()),
        "cut_bytes": pa.array(cut.removed),
        "removed_bytes": pa.array(redacted.removed.sum(axis=1)),
        "added_bytes": pa.array(redacted.added.sum(axis=1)),
    }
    return pa.table(columns)


def with_weights(curated: pa.Table, family: NDArray[np.int64], rules: WeightRules) -> pa.Table:
    """The rows in CURATED_SCHEMA, given how many documents each stands for."""
    weights = weights_of(
        rules,
        source=curated.column("source"),
        language=curated.column("language"),
        quality=column_values(curated, "quality"),
        family=family,
    )
    whole = curated.append_column("family", pa.array(family)).append_column("weight", pa.array(weights))
    return whole.select(CURATED_SCHEMA.names).cast(CURATED_SCHEMA)


def _stats(
    *,
    policy: Policy,
    numbers: pa.Table,
    fates: Fates,
    ledger: pa.Table,
    curated: pa.Table,
    redacted: Redacted,
    samples: int,
) -> ShardStats:
    touched = redacted.found.any(axis=1)
    kinds = [kind.value for kind in Pii]
    broken = fates.verdicts.broken.sum(axis=0)
    return ShardStats(
        documents=ledger.num_rows,
        kept=int(fates.kept.sum()),
        ingested_bytes=_total(ledger.column("bytes")),
        written=curated.num_rows,
        written_bytes=_total(pc.binary_length(curated.column("text"))),
        cells=_cells(ledger),
        broken={reason.value: int(count) for reason, count in zip(fates.verdicts.reasons, broken, strict=True)},
        found=_by_kind(kinds, redacted.found),
        removed=_by_kind(kinds, redacted.removed),
        added=_by_kind(kinds, redacted.added),
        personal=findings_by_source(numbers, ledger.column("source"), fates.kept),
        redacted_documents=int(touched.sum()),
        redacted=sorted(str(curated.column("id")[row]) for row in np.flatnonzero(touched).tolist())[:samples],
        narrow=_narrow(policy, numbers, fates, samples),
        weighted=_weighted(curated),
    )


def _weighted(curated: pa.Table) -> list[tuple[str, int, int, float]]:
    size = pc.binary_length(curated.column("text")).cast(pa.int64())
    weighted = pc.multiply(size.cast(pa.float64()), curated.column("weight").cast(pa.float64()))
    table = pa.table({"source": curated.column("source"), "bytes": size, "weighted": weighted})
    sums = table.group_by("source").aggregate([("bytes", "count"), ("bytes", "sum"), ("weighted", "sum")])
    columns = (sums.column(name).to_pylist() for name in ("source", "bytes_count", "bytes_sum", "weighted_sum"))
    return sorted(zip(*columns, strict=True))


def _total(column: "pa.ChunkedArray[Any]") -> int:
    return int(pc.sum(column).as_py() or 0)


def _by_kind(kinds: list[str], counts: NDArray[np.int64]) -> dict[str, int]:
    return dict(zip(kinds, counts.sum(axis=0).tolist(), strict=True))


def _cells(ledger: pa.Table) -> list[tuple[str, str, str, int, int]]:
    grouped = ledger.group_by(["source", "language", "reason"]).aggregate([("bytes", "count"), ("bytes", "sum")])
    rows = zip(*(grouped.column(name).to_pylist() for name in grouped.column_names), strict=True)
    by_name = {name: place for place, name in enumerate(grouped.column_names)}
    order = [by_name[name] for name in ("source", "language", "reason", "bytes_count", "bytes_sum")]
    picked = [[row[place] for place in order] for row in rows]
    return sorted(
        (source, language or "", reason or "", count, total) for source, language, reason, count, total in picked
    )


def _narrow(policy: Policy, numbers: pa.Table, fates: Fates, samples: int) -> list[Narrow]:
    """For each limit the kept documents that meet it most narrowly."""
    found: list[Narrow] = []
    ids, kept = numbers.column("id"), fates.kept
    for rule in policy.rules:
        if rule.threshold == 0 and rule.breaks == ">":
            continue  # whoever has none of it is as near as anybody
        values = column_values(numbers, rule.column)
        asked = np.flatnonzero(kept & policy.judged(rule, numbers.column("language")) & np.isfinite(values))
        margins = np.abs(values[asked] - rule.threshold) / max(abs(rule.threshold), 1e-9)
        for place in np.argsort(margins, kind="stable")[:samples].tolist():
            row = int(asked[place])
            found.append(
                Narrow(rule.reason.value, float(margins[place]), ids[row].as_py(), float(values[row]), rule.threshold)
            )
    return found


def total_by_key(parts: Iterable[dict[str, int]]) -> dict[str, int]:
    """Sum of counts by key, keys sorted."""
    totals: dict[str, int] = {}
    for part in parts:
        for key, count in part.items():
            totals[key] = totals.get(key, 0) + count
    return dict(sorted(totals.items()))
