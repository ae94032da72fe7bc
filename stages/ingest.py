"""Ingest: any format in, one document schema out; what cannot be read is set aside with a reason."""

import dataclasses
import functools
import time

from bessemer.config.ingest import IngestParams
from bessemer.config.sources import SourcesParams
from bessemer.engine import finish_directory, map_jobs
from bessemer.ingestion.job import DOCUMENTS, QUARANTINE, ingest_job
from bessemer.ingestion.plan import plan_jobs
from bessemer.ingestion.report import report_ingestion, require_usable
from bessemer.ingestion.tally import merge_tallies
from bessemer.reporting.report import StageReport
from bessemer.shards import file_digest
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
    )
    digest = file_digest(context.root / layout.SOURCES_LOCK)
    for role, directory in _OUTPUTS.items():
        finish_directory(results, role, context.root / directory, {layout.SOURCES_LOCK.name: digest})

    computed = sum(result.job.payload.stored_bytes for result in results if not result.cached)
    context.record.note("ingest_stored_bytes_per_s", round(computed / (time.monotonic() - started)))
    tallies = merge_tallies((result.stats for result in results), keep=params.samples)
    report = report_ingestion(tallies, lock, params, digest)
    publish(context, report)
    require_usable(tallies, params)
    return report


def _keyed_by_reading(context: StageContext) -> StageContext:
    """The context whose cache keys hold what changes the result of reading a file.

    Each job's key holds its own source (see ``plan_jobs``), so a new source leaves the others cached; the budget judges
    the result and changes none of it.
    """
    params: IngestParams = context.section
    return dataclasses.replace(context, sections={"ingest": params.model_copy(update={"max_bad_fraction": 0.0})})


if __name__ == "__main__":
    run_stage("ingest", main, ingest=IngestParams, sources=SourcesParams)
