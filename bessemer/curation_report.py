"""The report of ``curate``: what was dropped and why, by source and language, and what lies near the limits."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from bessemer.config.curate import CurateParams
from bessemer.corpus import CorpusPaths
from bessemer.curation import Narrow, ShardStats, total_by_key
from bessemer.filters.pii import Pii, redact
from bessemer.filters.rules import Policy, Reason
from bessemer.ledger import Balance, check_laws, document_laws
from bessemer.reporting.report import (
    Count,
    Drop,
    Histogram,
    Sample,
    SamplePair,
    Scalar,
    StageReport,
    Table,
    histogram,
)
from bessemer.shards import read_manifest, read_shard

SAMPLE_CHARACTERS = 600
_CONTEXT_CHARACTERS = 120
_LANGUAGES_SHOWN = 40


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
    redacted_documents = sum(shard.redacted_documents for shard in stats)
    metrics = _metrics(balance, drops, stats)
    texts = _Texts(paths, params)
    return StageReport(
        stage="curate",
        title="Curation",
        summary=(
            f"{balance.kept:,} of {balance.ingested:,} documents are kept; {balance.dropped:,} are dropped for "
            f"{len(drops)} reasons; personal data is masked in {redacted_documents:,}."
        ),
        counts=_funnel(balance, drops),
        drops=drops,
        metrics=metrics,
        histograms=_similarities(paths, params),
        tables=[
            _reason_table(drops, stats, policy),
            _source_table(cells),
            _language_table(cells),
            _redaction_table(stats),
        ],
        samples=[
            *_dropped_samples(paths, params, texts),
            *_narrow_samples(stats, params, texts),
            *_redaction_samples(stats, params, texts),
        ],
        pairs=_pairs(paths, params, texts),
        checks=laws,
        provenance=made_from,
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
    counts.append(Count(label="kept, after redaction", documents=balance.written, bytes=balance.written_bytes))
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
        "redaction_removed_bytes": sum(balance.removed_bytes.values()),
        "redaction_added_bytes": sum(balance.added_bytes.values()),
    }
    metrics |= {f"dropped_{reason}": count for reason, count in by_reason.items()}
    metrics |= {f"redacted_{kind}": count for kind, count in found.items()}
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
        note="A document's reason is the first limit that it breaks; the last column counts every limit. Duplicates are "
        "looked for only among documents that break none.",
    )


def _source_table(cells: _Cells) -> Table:
    return _by_key(
        cells, 0, Table(name="sources", title="By source", columns=["source", *_COLUMNS], rows=[]), limit=None
    )


def _language_table(cells: _Cells) -> Table:
    note = f"The {_LANGUAGES_SHOWN} languages with most bytes, as identified: short or rare ones are often mistaken."
    empty = Table(name="languages", title="By language", columns=["language", *_COLUMNS], rows=[], note=note)
    return _by_key(cells, 1, empty, limit=_LANGUAGES_SHOWN)


_COLUMNS = ["documents", "kept", "kept_fraction", "ingested_bytes", "kept_bytes", "commonest reason"]


def _by_key(cells: _Cells, place: int, table: Table, limit: int | None) -> Table:
    """Rows of ``table`` by source (place 0) or language (place 1), largest first."""
    documents: dict[str, int] = defaultdict(int)
    size: dict[str, int] = defaultdict(int)
    kept: dict[str, int] = defaultdict(int)
    kept_size: dict[str, int] = defaultdict(int)
    reasons: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for key, count in cells.documents.items():
        name, reason = key[place] or "unknown", key[2]
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
        rows.append([name, documents[name], kept[name], fraction, size[name], kept_size[name], worst[0]])
    return table.model_copy(update={"rows": rows})


def _redaction_table(stats: Sequence[ShardStats]) -> Table:
    found, removed, added = (
        total_by_key(getattr(shard, name) for shard in stats) for name in ("found", "removed", "added")
    )
    return Table(
        name="redactions",
        title="Masked inside kept documents",
        columns=["kind", "mask", "findings", "removed_bytes", "added_bytes"],
        rows=[[kind.value, kind.mask, found.get(kind, 0), removed.get(kind, 0), added.get(kind, 0)] for kind in Pii],
    )


def _ledger(paths: CorpusPaths) -> duckdb.DuckDBPyConnection:
    """A connection with the view ``ledger``, which also has ``shard``, the name of each row's shard."""
    connection = duckdb.connect()
    files = [str(paths.ledger / f"{shard.name}.parquet") for shard in read_manifest(paths.ledger).shards if shard.rows]
    if files:
        connection.read_parquet(files, filename=True).create_view("files")
        connection.execute("CREATE VIEW ledger AS SELECT *, parse_filename(filename, true) AS shard FROM files")
    else:
        connection.execute(
            "CREATE TABLE ledger AS SELECT '' AS id, '' AS source, '' AS reason, 0.0 AS value, "
            "0.0 AS threshold, '' AS evidence_id, '' AS language, '' AS shard WHERE false"
        )
    return connection


class _Texts:
    """Texts of single documents for the report: masked as in the corpus, and cut."""

    def __init__(self, paths: CorpusPaths, params: CurateParams) -> None:
        self._paths, self._params = paths, params

    def read(self, wanted: Mapping[str, Iterable[str]]) -> dict[str, str]:
        """Text by id.

        Args:
            wanted: shard to ids.
        """
        texts: dict[str, str] = {}
        for shard, ids in sorted(wanted.items()):
            table = read_shard(self._paths.documents, shard, ["id", "text"])
            table = table.filter(pc.is_in(table.column("id"), value_set=pa.array(sorted(set(ids)), pa.string())))
            masked = redact(table.column("text"), self._params.pii).text
            texts |= {str(id_): str(text) for id_, text in zip(table.column("id"), masked, strict=True)}
        return texts

    def locate(self, ids: Iterable[str]) -> dict[str, tuple[str, str, str | None]]:
        """Shard, source and language by id."""
        wanted = sorted(set(ids))
        if not wanted:
            return {}
        rows = _ledger(self._paths).execute(
            "SELECT id, shard, source, language FROM ledger WHERE id IN (SELECT unnest(?)) ORDER BY id", [wanted]
        )
        return {row[0]: (row[1], row[2], row[3]) for row in rows.fetchall()}

    def of(self, ids: Iterable[str]) -> dict[str, str]:
        """Text by id, wherever the documents lie."""
        wanted: dict[str, list[str]] = defaultdict(list)
        for id_, (shard, _, _) in self.locate(ids).items():
            wanted[shard].append(id_)
        return self.read(wanted)


_NEAREST = """
    SELECT id, source, reason, value, threshold, evidence_id, language, shard FROM ledger WHERE reason IS NOT NULL
    QUALIFY row_number() OVER (
        PARTITION BY reason ORDER BY abs(value - threshold) / greatest(abs(threshold), 1e-9) NULLS LAST, id
    ) <= ?
    ORDER BY reason, abs(value - threshold) / greatest(abs(threshold), 1e-9) NULLS LAST, id
"""


def _dropped_samples(paths: CorpusPaths, params: CurateParams, texts: _Texts) -> list[Sample]:
    """For each reason the documents that broke the limit most narrowly: where a limit is wrong, it shows here first."""
    rows = _ledger(paths).execute(_NEAREST, [params.samples]).fetchall() if params.samples else []
    wanted: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        wanted[row[7]].append(row[0])
    found = texts.read(wanted)
    samples = []
    for id_, source, reason, value, threshold, evidence, language, _ in rows:
        facts: dict[str, Scalar] = {"language": language or ""}
        if value is not None:
            facts["value"] = round(value, 6)
        if threshold is not None:
            facts["threshold"] = threshold
        if evidence is not None:
            facts["evidence"] = evidence
        samples.append(_sample(f"dropped: {reason}", id_, source, found[id_][:SAMPLE_CHARACTERS], facts))
    return samples


def _narrow_samples(stats: Sequence[ShardStats], params: CurateParams, texts: _Texts) -> list[Sample]:
    by_reason: dict[str, list[Narrow]] = defaultdict(list)
    for shard in stats:
        for item in shard.narrow:
            by_reason[item.reason].append(item)
    chosen = [
        item
        for reason in Reason
        for item in sorted(by_reason.get(reason.value, []), key=lambda item: (item.margin, item.id))[: params.samples]
        if item.margin <= 0.2
    ]
    places, found = texts.locate(item.id for item in chosen), texts.of(item.id for item in chosen)
    return [
        _sample(
            f"kept, near {item.reason}",
            item.id,
            places[item.id][1],
            found[item.id][:SAMPLE_CHARACTERS],
            {"language": places[item.id][2] or "", "value": round(item.value, 6), "threshold": item.threshold},
        )
        for item in chosen
    ]


def _redaction_samples(stats: Sequence[ShardStats], params: CurateParams, texts: _Texts) -> list[Sample]:
    """What surrounds the first mask of some documents; what was masked is not shown."""
    ids = sorted(id_ for shard in stats for id_ in shard.redacted)[: params.samples]
    places, found = texts.locate(ids), texts.of(ids)
    samples = []
    for id_ in ids:
        text = found[id_]
        at = min(place for kind in Pii if (place := text.find(kind.mask)) >= 0)
        around = text[max(0, at - _CONTEXT_CHARACTERS) : at + _CONTEXT_CHARACTERS]
        samples.append(_sample("redacted", id_, places[id_][1], around, {"language": places[id_][2] or ""}))
    return samples


def _sample(group: str, id_: str, source: str, text: str, facts: dict[str, Scalar]) -> Sample:
    return Sample(group=group, id=id_, source=source, text=text, facts=facts)


def _pairs(paths: CorpusPaths, params: CurateParams, texts: _Texts) -> list[SamplePair]:
    """Near duplicates beside their survivors, least similar first."""
    rows = (
        _ledger(paths)
        .execute(
            "SELECT id, evidence_id, value FROM ledger WHERE reason = ? ORDER BY value, id LIMIT ?",
            [Reason.NEAR_DUPLICATE.value, params.samples],
        )
        .fetchall()
    )
    found = texts.of(id_ for row in rows for id_ in row[:2])
    return [
        SamplePair(
            id_a=dropped,
            id_b=survivor,
            text_a=found[dropped][:SAMPLE_CHARACTERS],
            text_b=found[survivor][:SAMPLE_CHARACTERS],
            similarity=round(similarity, 6),
        )
        for dropped, survivor, similarity in rows
    ]


def _similarities(paths: CorpusPaths, params: CurateParams) -> list[Histogram]:
    values = (
        _ledger(paths)
        .execute("SELECT value FROM ledger WHERE reason = ? ORDER BY value", [Reason.NEAR_DUPLICATE.value])
        .fetchnumpy()["value"]
    )
    if not len(values):
        return []
    return [
        histogram(
            "near_duplicate_similarity",
            values,
            title="Near duplicates by similarity to their survivor",
            unit="Jaccard",
            bins=20,
            threshold=params.duplicates.threshold,
        )
    ]
