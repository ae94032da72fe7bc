"""Curate: turn the numbers beside the documents into kept or dropped, each with its reason."""

from functools import partial

import numpy as np
import xxhash

from bessemer.calibration import read_cut
from bessemer.config.curate import CurateParams
from bessemer.corpus import CorpusPaths
from bessemer.curation import CURATED, LEDGER, Choice, ShardStats, curate_shard
from bessemer.curation_report import report_curation
from bessemer.engine import Job, finish_directory, map_jobs
from bessemer.filters.rules import PASSED, Policy
from bessemer.judged import write_policy
from bessemer.ledger_index import INDEX, write_index
from bessemer.look_alikes import survey
from bessemer.personal_counting import write_counts
from bessemer.repeats import Repeats, find_repeats
from bessemer.reporting.report import StageReport
from bessemer.shards import MANIFEST, directory_digest, read_manifest
from bessemer.stage import StageContext, run_stage
from bessemer.survivors import Duplicates
from stages import layout


def main(context: StageContext) -> StageReport:
    """Judge every document, choose the survivors among look-alikes, write what stays and the ledger of all."""
    params: CurateParams = context.section
    paths = CORPUS.under(context.root)
    policy = Policy.from_params(params, read_cut(paths.calibration))
    documents = read_manifest(paths.documents)
    (paths.ledger / MANIFEST).unlink(missing_ok=True)  # who runs it by hand may stop it by hand, and asks then

    write_counts(context, paths, params.pii)
    with context.progress("duplicates", len(documents.shards), "shards") as bar:
        found = survey(paths, policy, bar)
    dropped = found.look_alikes.choose(found.first == PASSED, params.duplicates)
    with context.progress("repeated parts", len(documents.shards), "shards") as bar:
        repeats = find_repeats(paths, policy, params.duplicates, dropped, bar)
    duplicates = dropped.by_shard(documents.shards, found.look_alikes.documents.column("row").to_numpy(), found.ids)

    digests = {
        role: {shard.name: shard.xxh3 for shard in read_manifest(directory).shards}
        for role, directory in {"documents": paths.documents, **paths.sidecars}.items()
    }
    families = 1 + np.bincount(dropped.evidence, minlength=len(found.first))
    jobs = []
    row = 0
    for shard in documents.shards:
        choice = Choice(
            duplicates.get(shard.name, Duplicates.none()),
            repeats.get(shard.name, Repeats.none()),
            families[row : row + shard.rows],
        )
        row += shard.rows
        inputs = {role: files[shard.name] for role, files in digests.items()}
        inputs |= {"duplicates": choice.duplicates.digest, "repeats": choice.repeats.digest}
        inputs |= {"families": xxhash.xxh3_128_hexdigest(choice.family.tobytes())}
        jobs.append(Job(shard.name, inputs, payload=choice))
    results = map_jobs(
        partial(curate_shard, paths=paths, policy=policy, params=params),
        jobs,
        outputs={CURATED: layout.CURATED, LEDGER: layout.LEDGER},
        stage=context,
        label="curate",
        key=[[rule.reason, rule.threshold] for rule in policy.rules],
    )

    made_from = {
        role: directory_digest(path) for role, path in {"documents": paths.documents, **paths.sidecars}.items()
    }
    made_from["pairs"] = directory_digest(paths.pairs)
    if paths.parts.exists():
        made_from["parts"] = directory_digest(paths.parts)
    write_policy(paths.ledger, policy)  # before the manifest, which is the last file of a directory
    write_index(paths)
    found.look_alikes.write(paths.ledger / INDEX)
    for role, directory in ((CURATED, layout.CURATED), (LEDGER, layout.LEDGER)):
        finish_directory(results, role, context.root / directory, made_from)
    stats = [ShardStats.from_json(result.stats) for result in results]
    return report_curation(
        stats, policy, params, paths=paths, curated=context.root / layout.CURATED, made_from=made_from
    )


CORPUS = CorpusPaths(
    documents=layout.DOCUMENTS,
    language=layout.LANGUAGE,
    quality=layout.QUALITY,
    exact=layout.DEDUP_EXACT,
    pairs=layout.DEDUP_PAIRS,
    parts=layout.DEDUP_PARTS,
    contamination=layout.CONTAMINATION,
    pii=layout.PII,
    calibration=layout.CLASSIFIER / "calibration.json",
    curated=layout.CURATED,
    ledger=layout.LEDGER,
    quarantine=layout.QUARANTINE,
    tokens=layout.TOKENS,
)

if __name__ == "__main__":
    run_stage("curate", main, curate=CurateParams)
