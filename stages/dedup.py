"""Dedup: exact groups by normalised text; near duplicates found by MinHash LSH, decided by true Jaccard similarity."""

from concurrent.futures import ThreadPoolExecutor

from bessemer.config.dedup import DedupParams
from bessemer.dedup.duplicates import find_duplicates
from bessemer.dedup.parts import find_repeated_parts
from bessemer.dedup.report import report_duplicates
from bessemer.dedup.sidecars import write_exact, write_pairs
from bessemer.reporting.report import StageReport
from bessemer.shards import directory_digest
from bessemer.stage import StageContext, run_stage
from stages import layout


def main(context: StageContext) -> StageReport:
    """Find duplicates, write them down and report."""
    params: DedupParams = context.section
    documents = context.root / layout.DOCUMENTS
    made_from = {"documents": directory_digest(documents)}
    found = find_duplicates(documents, params, context)
    repeated = find_repeated_parts(
        params,
        found.corpus,
        found.groups,
        documents=documents,
        directory=layout.DEDUP_PARTS,
        made_from=made_from,
        stage=context,
    )
    parts = context.root / layout.DEDUP_PARTS
    exact = context.root / layout.DEDUP_EXACT
    sidecar = None if repeated is None else parts
    workers = context.runtime.resolved_workers
    with ThreadPoolExecutor(1) as beside:
        # Neither needs the other; where both fail, as on a full disk, one of the two errors is told.
        written = beside.submit(write_exact, exact, found, sidecar, made_from, workers)
        write_pairs(context.root / layout.DEDUP_PAIRS, found.corpus, found.near, made_from)
        report = report_duplicates(
            params, found, repeated, documents=documents, parts=parts, made_from=made_from, workers=workers
        )
        written.result()
    return report


if __name__ == "__main__":
    run_stage("dedup", main, dedup=DedupParams)
