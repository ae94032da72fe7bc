"""Dedup: exact groups by normalised text; near duplicates found by MinHash LSH, decided by true Jaccard similarity."""

import dataclasses
import functools
from pathlib import Path

from bessemer.config.dedup import DedupParams
from bessemer.dedup.corpus import read_corpus, write_exact, write_pairs
from bessemer.dedup.exact import exact_groups
from bessemer.dedup.near import near_duplicates
from bessemer.dedup.report import report_duplicates
from bessemer.dedup.signatures import signature_table
from bessemer.engine import Job, OutputWriter, Stats, finish_directory, map_jobs
from bessemer.reporting.report import StageReport
from bessemer.shards import directory_digest, read_manifest, read_shard
from bessemer.stage import StageContext, run_stage
from stages import layout


def main(context: StageContext) -> StageReport:
    """Sign every shard; then group, compare and report over all of them."""
    params: DedupParams = context.section
    documents = context.root / layout.DOCUMENTS
    made_from = {"documents": directory_digest(documents)}
    size = sign(context, params, documents, made_from)
    corpus = read_corpus(context.root / layout.DEDUP_SIGNATURES)
    groups = exact_groups(corpus.ids, corpus.hashes)
    write_exact(context.root / layout.DEDUP_EXACT, corpus, groups, made_from)
    near = near_duplicates(params, corpus, groups, documents)
    write_pairs(context.root / layout.DEDUP_PAIRS, corpus, near.pairs, near.similarity, made_from)
    return report_duplicates(params, corpus, groups, near, documents=documents, size=size, made_from=made_from)


def sign(context: StageContext, params: DedupParams, documents: Path, made_from: dict[str, str]) -> int:
    """Signatures of all documents; cache keys hold only what changes them. Returns the UTF-8 bytes of the texts."""
    signing = DedupParams(shingle_words=params.shingle_words, permutations=params.permutations, seed=params.seed)
    results = map_jobs(
        functools.partial(sign_shard, documents, params),
        [Job(shard.name, {"documents": shard.xxh3}) for shard in read_manifest(documents).shards],
        outputs={"signatures": layout.DEDUP_SIGNATURES},
        stage=dataclasses.replace(context, sections={"dedup": signing}),
        label="signatures",
    )
    finish_directory(results, "signatures", context.root / layout.DEDUP_SIGNATURES, made_from)
    return sum(result.stats["bytes"] for result in results)


def sign_shard(documents: Path, params: DedupParams, job: Job, out: OutputWriter) -> Stats:
    """Write the signatures of one shard."""
    table = read_shard(documents, job.name, ["id", "text"])
    texts = table.column("text").to_pylist()
    rows = signature_table(
        table.column("id"), texts, shingle_words=params.shingle_words, count=params.permutations, seed=params.seed
    )
    out.write("signatures", job.name, rows)
    return {"bytes": sum(len(text.encode()) for text in texts)}


if __name__ == "__main__":
    run_stage("dedup", main, dedup=DedupParams)
