"""Ingest: any format in, one document schema out; what cannot be read is set aside with a reason."""

import dataclasses
import functools
import time
from collections.abc import Iterable
from pathlib import Path

import pyarrow.compute as pc

from bessemer.config.ingest import IngestParams
from bessemer.config.sources import SourcesParams
from bessemer.engine import finish_directory, map_jobs
from bessemer.ingestion.job import DOCUMENTS, QUARANTINE, ingest_job
from bessemer.ingestion.plan import plan_jobs
from bessemer.ingestion.report import report_ingestion, require_usable
from bessemer.ingestion.tally import Tally, merge_tallies
from bessemer.laws import check_laws, record_laws
from bessemer.reporting.report import Check, StageReport
from bessemer.shards import file_digest, read_shard, shard_names
from bessemer.sources import read_lock, require_locked
from bessemer.stage import StageContext, publish, run_stage
from stages import layout

_OUTPUTS = {DOCUMENTS: layout.DOCUMENTS, QUARANTINE: layout.QUARANTINE}


def main(context: StageContext) -> StageReport:
    """Read every pinned file, write documents and quarantine, and judge the sources by their budget."""
    params: IngestParams = context.section
    sources = context.sections["sources"].root
    lock = read_lock(context.root / layout.SOURCES_LOCK)
    require_locked(lock, sources)

    started = time.monotonic()
    results = map_jobs(
        functools.partial(ingest_job, root=context.root, params=params),
        plan_jobs(lock, sources, params),
        outputs=_OUTPUTS,
        stage=_keyed_by_reading(context),
        label="reading",
        risky=True,
    )
    digest = file_digest(context.root / layout.SOURCES_LOCK)
    written = {
        role: finish_directory(results, role, context.root / directory, {layout.SOURCES_LOCK.name: digest})
        for role, directory in _OUTPUTS.items()
    }

    computed = sum(result.job.payload.stored_bytes for result in results if not result.cached)
    context.record.note("ingest_stored_bytes_per_s", round(computed / (time.monotonic() - started)))
    tallies = merge_tallies((result.stats for result in results), keep=params.samples)
    report = report_ingestion(tallies, lock, params, digest)
    laws = laws_of_records(tallies.values(), written[DOCUMENTS].totals["rows"], context.root / layout.QUARANTINE)
    report = report.model_copy(update={"checks": [*report.checks, *check_laws(laws)]})
    publish(context, report)
    require_usable(tallies, params)
    return report


def laws_of_records(tallies: Iterable[Tally], documents: int, quarantine: Path) -> list[Check]:
    """What the readers counted against what lies in the two directories.

    Args:
        tallies: of every source.
        documents: rows of the documents directory.
        quarantine: directory of the records that were set aside.
    """
    counted = list(tallies)
    records = [read_shard(quarantine, name, ["records"]).column("records") for name in shard_names(quarantine)]
    return record_laws(
        read=sum(tally.read for tally in counted),
        parsed=sum(tally.parsed for tally in counted),
        quarantined=sum(int(pc.sum(column).as_py() or 0) for column in records),
        skipped=sum(tally.skipped.total() for tally in counted),
        counted_documents=sum(tally.documents for tally in counted),
        written_documents=documents,
    )


def _keyed_by_reading(context: StageContext) -> StageContext:
    """The context whose cache keys hold what changes the result of reading a file.

    Each job's key holds its own source (see ``plan_jobs``), so a new source leaves the others cached; the budget judges
    the result and changes none of it.
    """
    params: IngestParams = context.section
    return dataclasses.replace(context, sections={"ingest": params.model_copy(update={"max_bad_fraction": 0.0})})


if __name__ == "__main__":
    run_stage("ingest", main, ingest=IngestParams, sources=SourcesParams)
