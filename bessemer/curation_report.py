"""The report of ``curate``: what was dropped and why, by source and language, and what lies near the limits."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bessemer.config.curate import CurateParams, WeightRules
from bessemer.corpus import CorpusPaths
from bessemer.curation import CONTAMINATION, PARTS, ShardStats, total_by_key
from bessemer.curation_heatmaps import heatmaps
from bessemer.curation_samples import (
    Texts,
    cut_samples,
    dropped_samples,
    narrow_samples,
    near_duplicate_pairs,
    redaction_samples,
    similarities,
)
from bessemer.filters.pii.kinds import Pii
from bessemer.filters.rules import Policy, Reason
from bessemer.laws import Balance, check_laws, document_laws
from bessemer.personal_data import total_findings
from bessemer.reporting.report import Count, Drop, Scalar, StageReport, Table
from bessemer.shards import read_manifest

_LANGUAGES_SHOWN = 40
_CELLS_SHOWN = 200


@dataclass(frozen=True)
class _Cells:
    """Counts by source, language and reason over all shards."""

    documents: Mapping[tuple[str, str, str], int]
    bytes: Mapping[tuple[str, str, str], int]

    @classmethod
    def of(cls, stats: Iterable[ShardStats]) -> "_Cells":
        documents: dict[tuple[str, str, str], int] = defaultdict(int)
        size: dict[tuple[str, str, str], int] = defaultdict(int)
        for shard in stats:
            for source, language, reason, count, total in shard.cells:
                documents[source, language, reason] += count
                size[source, language, reason] += total
        return cls(dict(documents), dict(size))

    def by_reason(self) -> list[Drop]:
        """Drops by first reason, in the order of :class:`Reason`."""
        documents = total_by_key({key[2]: count} for key, count in self.documents.items())
        size = total_by_key({key[2]: count} for key, count in self.bytes.items())
        return [
            Drop(reason=reason.value, documents=documents[reason], bytes=size[reason])
            for reason in Reason
            if documents.get(reason)
        ]


def report_curation(
    stats: Sequence[ShardStats],
    policy: Policy,
    params: CurateParams,
    *,
    paths: CorpusPaths,
    curated: Path,
    made_from: dict[str, str],
) -> StageReport:
    """Build the report and hold the result to the three laws.

    Args:
        stats: of every shard.
        policy: that was applied.
        params: the section ``curate``.
        paths: documents and ledger, for samples.
        curated: directory that was written.
        made_from: digests of the inputs.

    Raises:
        RuntimeError: a law does not hold.
    """
    cells = _Cells.of(stats)
    drops = cells.by_reason()
    balance = _balance(stats, drops, paths, curated)
    laws = check_laws(document_laws(balance))
    metrics = _metrics(balance, drops, stats)
    texts = Texts(paths, params)
    return StageReport(
        stage="curate",
        title="Curation",
        summary=_summary(balance, drops, metrics),
        counts=_funnel(balance, drops),
        drops=drops,
        metrics=metrics,
        histograms=similarities(paths, params),
        tables=[
            _reason_table(drops, stats, policy),
            _source_table(cells),
            _language_table(cells),
            _cell_table(cells),
            *heatmaps(cells.documents, paths),
            _redaction_table(stats),
            _personal_table(stats, params),
            *_weight_tables(stats, params),
        ],
        samples=[
            *dropped_samples(paths, params, texts),
            *narrow_samples(stats, params, texts),
            *redaction_samples(stats, params, texts),
            *cut_samples(stats, params),
        ],
        pairs=near_duplicate_pairs(paths, params, texts),
        checks=laws,
        provenance=made_from,
    )


def _summary(balance: Balance, drops: Sequence[Drop], metrics: Mapping[str, Scalar]) -> str:
    cut, leaks = metrics["cut_parts"], metrics["cut_contaminations"]
    return (
        f"{balance.kept:,} of {balance.ingested:,} documents are kept; {balance.dropped:,} are dropped for "
        f"{len(drops)} reasons; personal data is masked in {metrics['redacted_documents']:,}"
        + (f", {cut:,} repeated lines or paragraphs are cut" if cut else "")
        + (f", {leaks:,} stretches of evaluation text are cut." if leaks else ".")
    )


def _balance(stats: Sequence[ShardStats], drops: Sequence[Drop], paths: CorpusPaths, curated: Path) -> Balance:
    return Balance(
        ingested=read_manifest(paths.documents).totals["rows"],
        kept=sum(shard.kept for shard in stats),
        dropped=sum(drop.documents for drop in drops),
        written=read_manifest(curated).totals["rows"],
        ledger=read_manifest(paths.ledger).totals["rows"],
        ingested_bytes=sum(shard.ingested_bytes for shard in stats),
        dropped_bytes={drop.reason: drop.bytes for drop in drops},
        removed_bytes=total_by_key(shard.removed for shard in stats),
        added_bytes=total_by_key(shard.added for shard in stats),
        written_bytes=sum(shard.written_bytes for shard in stats),
    )


def _funnel(balance: Balance, drops: Sequence[Drop]) -> list[Count]:
    """What is left after each reason, then after redaction."""
    documents, size = balance.ingested, balance.ingested_bytes
    counts = [Count(label="ingested", documents=documents, bytes=size)]
    for drop in drops:
        documents, size = documents - drop.documents, size - drop.bytes
        counts.append(Count(label=f"after {drop.reason}", documents=documents, bytes=size))
    counts.append(Count(label="kept, after masks and cuts", documents=balance.written, bytes=balance.written_bytes))
    return counts


def _metrics(balance: Balance, drops: Sequence[Drop], stats: Sequence[ShardStats]) -> dict[str, Scalar]:
    ingested = max(1, balance.ingested)
    by_reason = {drop.reason: drop.documents for drop in drops}
    found = total_by_key(shard.found for shard in stats)
    metrics: dict[str, Scalar] = {
        "documents_ingested": balance.ingested,
        "documents_kept": balance.kept,
        "documents_dropped": balance.dropped,
        "dropped_fraction": round(balance.dropped / ingested, 6),
        "bytes_ingested": balance.ingested_bytes,
        "bytes_kept": balance.written_bytes,
        "bytes_kept_fraction": round(balance.written_bytes / max(1, balance.ingested_bytes), 6),
        "exact_duplicate_fraction": round(by_reason.get(Reason.EXACT_DUPLICATE, 0) / ingested, 6),
        "near_duplicate_fraction": round(by_reason.get(Reason.NEAR_DUPLICATE, 0) / ingested, 6),
        "redacted_documents": sum(shard.redacted_documents for shard in stats),
        "redaction_removed_bytes": sum(balance.removed_bytes.get(kind, 0) for kind in Pii),
        "redaction_added_bytes": sum(balance.added_bytes.values()),
    }
    metrics |= {f"dropped_{reason}": count for reason, count in by_reason.items()}
    metrics |= {f"redacted_{kind.value}": found.get(kind, 0) for kind in Pii}
    metrics |= {"cut_parts": found.get(PARTS, 0), "cut_part_bytes": balance.removed_bytes.get(PARTS, 0)}
    metrics |= {
        "cut_contaminations": found.get(CONTAMINATION, 0),
        "cut_contamination_bytes": balance.removed_bytes.get(CONTAMINATION, 0),
    }
    return metrics


def _reason_table(drops: Sequence[Drop], stats: Sequence[ShardStats], policy: Policy) -> Table:
    first = {drop.reason: drop for drop in drops}
    broken = total_by_key(shard.broken for shard in stats)
    thresholds = {rule.reason.value: rule for rule in policy.rules}
    rows: list[list[Scalar | None]] = []
    for reason in Reason:
        drop, count = first.get(reason.value), broken.get(reason.value, 0)
        rule = thresholds.get(reason.value)
        if drop is None and not count:
            continue
        rows.append(
            [
                reason.value,
                f"{rule.column} {rule.breaks} {rule.threshold:g}" if rule else "",
                drop.documents if drop else 0,
                drop.bytes if drop else 0,
                count if reason.value in broken else None,
            ]
        )
    return Table(
        name="reasons",
        title="Dropped, by limit",
        columns=["reason", "dropped if", "documents", "bytes", "documents of any"],
        rows=rows,
        note="A document's reason is the first limit that it breaks; the last column counts all of them. Duplicates "
        "are looked for only among documents that break none.",
    )


def _source_table(cells: _Cells) -> Table:
    empty = Table(name="sources", title="By source", columns=["source", *_COLUMNS], rows=[])
    return _by_key(cells, (0,), empty, limit=None)


def _language_table(cells: _Cells) -> Table:
    note = f"The {_LANGUAGES_SHOWN} languages with most bytes, as identified: short or rare ones are often mistaken."
    empty = Table(name="languages", title="By language", columns=["language", *_COLUMNS], rows=[], note=note)
    return _by_key(cells, (1,), empty, limit=_LANGUAGES_SHOWN)


def _cell_table(cells: _Cells) -> Table:
    note = f"The {_CELLS_SHOWN} with most bytes."
    columns = ["source", "language", *_COLUMNS]
    empty = Table(name="sources_languages", title="By source and language", columns=columns, rows=[], note=note)
    return _by_key(cells, (0, 1), empty, limit=_CELLS_SHOWN)


_COLUMNS = ["documents", "kept", "kept_fraction", "ingested_bytes", "kept_bytes", "commonest reason"]


def _by_key(cells: _Cells, places: tuple[int, ...], table: Table, limit: int | None) -> Table:
    """Rows of ``table`` by source (place 0), language (place 1) or both, largest first."""
    documents: dict[tuple[str, ...], int] = defaultdict(int)
    size: dict[tuple[str, ...], int] = defaultdict(int)
    kept: dict[tuple[str, ...], int] = defaultdict(int)
    kept_size: dict[tuple[str, ...], int] = defaultdict(int)
    reasons: dict[tuple[str, ...], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for key, count in cells.documents.items():
        name, reason = tuple(key[place] or "unknown" for place in places), key[2]
        documents[name] += count
        size[name] += cells.bytes[key]
        if reason:
            reasons[name][reason] += count
        else:
            kept[name] += count
            kept_size[name] += cells.bytes[key]
    rows: list[list[Scalar | None]] = []
    for name in sorted(documents, key=lambda item: (-size[item], item))[:limit]:
        worst = min(reasons[name].items(), key=lambda item: (-item[1], item[0]), default=("", 0))
        fraction = round(kept[name] / documents[name], 4)
        rows.append([*name, documents[name], kept[name], fraction, size[name], kept_size[name], worst[0]])
    return table.model_copy(update={"rows": rows})


def _redaction_table(stats: Sequence[ShardStats]) -> Table:
    found, removed, added = (
        total_by_key(getattr(shard, name) for shard in stats) for name in ("found", "removed", "added")
    )
    kinds = [*((kind.value, kind.mask) for kind in Pii), (PARTS, ""), (CONTAMINATION, "")]
    return Table(
        name="redactions",
        title="Masked or cut inside kept documents",
        columns=["kind", "mask", "findings", "removed_bytes", "added_bytes"],
        rows=[[kind, mask, found.get(kind, 0), removed.get(kind, 0), added.get(kind, 0)] for kind, mask in kinds],
        note="repeated_parts: lines or paragraphs (dedup.parts) that are kept in a better document; contamination: "
        "text of evaluation sets (curate.contamination.cut).",
    )


def _personal_table(stats: Sequence[ShardStats], params: CurateParams) -> Table:
    totals = total_findings([shard.personal for shard in stats])
    return Table(
        name="personal_data",
        title="Personal data, by source",
        columns=["source", "kind", "action", "documents", "findings", "in dropped documents"],
        rows=[[source, kind, params.pii.action(kind), *counts] for (source, kind), counts in totals.items()],
        note="Counted in all ingested documents, before anything is dropped, masked or cut.",
    )


def _weight_tables(stats: Sequence[ShardStats], params: CurateParams) -> list[Table]:
    """What the weights make of the sources; none if every document has the same."""
    if params.weights == WeightRules():
        return []
    sums: dict[str, tuple[int, int, float]] = {}
    for source, documents, size, weighted in (row for shard in stats for row in shard.weighted):
        before = sums.get(source, (0, 0, 0.0))
        sums[source] = (before[0] + documents, before[1] + size, before[2] + weighted)
    total, total_weighted = (sum(row[place] for row in sums.values()) for place in (1, 2))
    rows: list[list[int | float | str | None]] = [
        [
            source,
            documents,
            size,
            round(size / max(1, total), 4),
            round(weighted),
            round(weighted / max(1.0, total_weighted), 4),
            round(weighted / max(1, size), 3),
        ]
        for source, (documents, size, weighted) in sorted(sums.items())
    ]
    return [
        Table(
            name="weights",
            title="What is trained on",
            columns=["source", "kept documents", "bytes", "share", "weighted bytes", "weighted share", "times"],
            rows=rows,
            note="Weighted bytes are what the stage shard writes for training on average, before validation is held "
            "out: whole copies of documents, the rest of a weight being the chance of one more.",
        )
    ]
