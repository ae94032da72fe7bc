"""Counting the personal data in all documents: numbers beside them, made once for any policy."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from bessemer.config.curate import PiiParams
from bessemer.corpus import CorpusPaths
from bessemer.engine import Job, OutputWriter, Stats, finish_directory, map_jobs
from bessemer.filters.pii.kinds import Pii
from bessemer.filters.pii.redaction import count_pii
from bessemer.personal_data import REGIONS, named_regions
from bessemer.shards import directory_digest, read_manifest, read_shard
from bessemer.stage import StageContext

PII = "pii"


def write_counts(context: StageContext, paths: CorpusPaths, params: PiiParams) -> None:
    """Count the findings in all documents and write ``paths.pii``: one row per document, one column per kind.

    What was counted before is counted again only for other telephone regions, so limits can be changed at no cost.
    """
    documents = read_manifest(paths.documents)
    results = map_jobs(
        partial(count_shard, paths.documents, params.phone_regions),
        [Job(shard.name, {"documents": shard.xxh3}) for shard in documents.shards],
        outputs={PII: paths.pii},
        stage=replace(context, sections={PII: PiiParams(phone_regions=params.phone_regions)}),
        label="personal data",
    )
    made_from = {"documents": directory_digest(paths.documents), REGIONS: named_regions(params)}
    finish_directory(results, PII, paths.pii, made_from)


def count_shard(documents: Path, phone_regions: list[str], job: Job, out: OutputWriter) -> Stats:
    """Write the counts of one shard."""
    table = read_shard(documents, job.name, ["id", "text"])
    counts = count_pii(table.column("text"), phone_regions)
    columns: dict[str, Any] = {kind.column: counts[:, place] for place, kind in enumerate(Pii)}
    out.write(PII, job.name, pa.table({"id": table.column("id"), **columns}))
    return {}
