"""The report of ``ingest``, made from the tallies of its sources."""

from collections import Counter
from collections.abc import Mapping

from bessemer.config.ingest import IngestParams
from bessemer.errors import DataError
from bessemer.ingestion.tally import LENGTH_EDGES, Tally
from bessemer.reporting.report import Check, Count, Histogram, Sample, StageReport, Table, check
from bessemer.sources import Lock


def report_ingestion(tallies: Mapping[str, Tally], lock: Lock, params: IngestParams, lock_digest: str) -> StageReport:
    """Counts by source, lengths, quarantine by reason, skips, charsets, samples, and the budget as checks.

    Args:
        tallies: by name of the source.
        lock: what was read.
        params: of the stage.
        lock_digest: digest of the lock file.
    """
    total = Tally("all")
    for tally in tallies.values():
        total.merge(tally.dump(), keep=0)
    return StageReport(
        stage="ingest",
        title="Ingest: raw records to documents",
        summary=_summary(total, len(tallies)),
        counts=_counts(total),
        metrics=_metrics(total),
        histograms=[_lengths(total)],
        tables=[
            _sources(tallies, lock),
            _quarantine(tallies),
            _by_source("skips", "Records that are no documents", "kind", {n: t.skipped for n, t in tallies.items()}),
            _by_source("charsets", "Charsets of HTML and text", "charset", {n: t.charsets for n, t in tallies.items()}),
            _damaged(tallies),
        ],
        samples=_samples(tallies),
        checks=[*(_budget(name, tally, params) for name, tally in tallies.items()), _whole_files(total)],
        provenance={"sources.lock.yaml": lock_digest},
    )


def require_usable(tallies: Mapping[str, Tally], params: IngestParams) -> None:
    """Refuse a corpus of which too much could not be read, or of which nothing is left.

    Raises:
        DataError: a source exceeds ``max_bad_fraction``, or there is no document.
    """
    for name, tally in tallies.items():
        if tally.bad_fraction > params.max_bad_fraction:
            commonest = min(tally.quarantined, key=lambda reason: (-tally.quarantined[reason], reason))
            raise DataError(
                f"source {name}: {tally.bad:,} of {tally.parsed + tally.bad:,} records are unreadable "
                f"({100 * tally.bad_fraction:.2g} %, mostly {commonest}), more than ingest.max_bad_fraction "
                f"{params.max_bad_fraction:g} allows; they are in data/quarantine; mend the files or raise the limit."
            )
    if not any(tally.documents for tally in tallies.values()):
        raise DataError("the sources hold no document; see reports/ingest for what was skipped and why.")


def _summary(total: Tally, sources: int) -> str:
    text = (
        f"{total.read:,} records of {sources} sources became {total.documents:,} documents "
        f"({total.bytes / 1e6:,.1f} MB of text)"
    )
    if total.skipped:
        text += f"; {total.skipped.total():,} are no documents by their nature"
    text += f"; {total.bad:,} are in quarantine." if total.bad else "; none is in quarantine."
    if total.damaged:
        text += f" The end of {len(total.damaged):,} files could not be read: records may be missing there."
    return text


def _counts(total: Tally) -> list[Count]:
    return [
        Count(label="read", records=total.read, bytes=total.stored_bytes),
        Count(label="no document by nature", records=total.skipped.total()),
        Count(label="quarantined", records=total.bad, bytes=total.quarantined_bytes.total()),
        Count(label="parsed", records=total.parsed),
        Count(label="documents", documents=total.documents, bytes=total.bytes),
    ]


def _metrics(total: Tally) -> dict[str, int | float | str]:
    return {
        "records_read": total.read,
        "records_parsed": total.parsed,
        "quarantined_fraction": round(total.bad / total.read, 6) if total.read else 0.0,
        "records_quarantined": total.bad,
        "records_skipped": total.skipped.total(),
        "documents": total.documents,
        "text_bytes": total.bytes,
        "stored_bytes": total.stored_bytes,
        "damaged_files": len(total.damaged),
    }


def _lengths(total: Tally) -> Histogram:
    filled = [index for index, count in enumerate(total.lengths) if count]
    first, last = (filled[0], filled[-1]) if filled else (0, 0)
    edges = [float(edge) for edge in LENGTH_EDGES[first : last + 2]]
    return Histogram(
        name="document_bytes",
        title="Length of documents",
        unit="UTF-8 bytes",
        edges=[max(edge, 1.0) for edge in edges],
        counts=total.lengths[first : last + 1],
        log_x=True,
    )


def _sources(tallies: Mapping[str, Tally], lock: Lock) -> Table:
    files = {source.name: len(source.files) for source in lock.sources}
    return Table(
        name="sources",
        title="Sources",
        columns=["source", "files", "stored bytes", "records", "skipped", "quarantined", "documents", "text bytes"],
        rows=[
            [name, files[name], t.stored_bytes, t.read, t.skipped.total(), t.bad, t.documents, t.bytes]
            for name, t in tallies.items()
        ],
        note="Records = parsed + skipped + quarantined. A long text is cut into several documents.",
    )


def _quarantine(tallies: Mapping[str, Tally]) -> Table:
    return Table(
        name="quarantine",
        title="Quarantine",
        columns=["source", "reason", "records", "bytes"],
        rows=[
            [name, reason, count, tally.quarantined_bytes[reason]]
            for name, tally in tallies.items()
            for reason, count in sorted(tally.quarantined.items())
        ],
        note="Each record is in data/quarantine with its place, reason and first bytes.",
    )


def _by_source(name: str, title: str, what: str, counters: Mapping[str, Counter[str]]) -> Table:
    rows: list[list[int | float | str | None]] = [
        [source, value, count] for source, counter in counters.items() for value, count in sorted(counter.items())
    ]
    return Table(
        name=name, title=title, columns=["source", what, "documents" if name == "charsets" else "records"], rows=rows
    )


def _damaged(tallies: Mapping[str, Tally]) -> Table:
    return Table(
        name="damaged_files",
        title="Files whose end could not be read",
        columns=["source", "file", "reason", "detail"],
        rows=[[name, *row] for name, tally in tallies.items() for row in tally.damaged],
        note="More records may be missing there than quarantine counts.",
    )


def _samples(tallies: Mapping[str, Tally]) -> list[Sample]:
    return [
        Sample(
            group=name,
            id=sample["id"],
            source=name,
            text=sample["text"],
            facts={"locator": sample["locator"], "bytes": sample["bytes"]}
            | ({"url": sample["url"]} if sample["url"] else {}),
        )
        for name, tally in tallies.items()
        for sample in tally.samples
    ]


def _budget(name: str, tally: Tally, params: IngestParams) -> Check:
    return check(
        f"bad_fraction of {name}",
        tally.bad_fraction,
        "<=",
        params.max_bad_fraction,
        severity="error",
        reason=f"{tally.bad:,} of {tally.parsed + tally.bad:,} records of the source are in quarantine",
    )


def _whole_files(total: Tally) -> Check:
    return check(
        "damaged_files",
        len(total.damaged),
        "<=",
        0,
        severity="warn",
        reason="what follows the damage in a file is in no count; see the table of damaged files",
    )
