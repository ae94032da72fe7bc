"""Signing a corpus: each shard once, kept in the shard cache under what the signatures depend on."""

import dataclasses
import functools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bessemer.config.dedup import DedupParams
from bessemer.dedup.lsh import Banding
from bessemer.dedup.minhash import Permutations, permutations
from bessemer.dedup.signatures import signature_table
from bessemer.engine import Job, OutputWriter, Stats, map_jobs
from bessemer.shards import read_manifest
from bessemer.stage import StageContext

SIGNATURES = "signatures"
_NOTHING = pa.table({"id": pa.array([], pa.string()), "text": pa.array([], pa.string())})
_ROWS_AT_ONCE = 256
"""Documents signed at a time: a shard that is alone in being new is shared by all cores."""


def sign_corpus(documents: Path, params: DedupParams, banding: Banding, stage: StageContext, signatures: Path) -> int:
    """Bring the signatures of all shards into a folder; UTF-8 bytes of the texts.

    Args:
        documents: shard directory of the documents.
        params: of the stage.
        banding: how signatures are cut.
        stage: gives workers and the shard cache.
        signatures: the folder; its files may be links into the cache.
    """
    signing = DedupParams(
        shingle_words=params.shingle_words,
        permutations=params.permutations,
        hash_bits=params.hash_bits,
        seed=params.seed,
        bands=banding.bands,
        rows=banding.rows,
    )
    maps = permutations(params.permutations, params.seed, params.hash_bits)
    with ThreadPoolExecutor(stage.runtime.resolved_workers) as pool:
        results = map_jobs(
            functools.partial(sign_shard, documents, params.shingle_words, maps, banding, pool),
            [Job(shard.name, {"documents": shard.xxh3}) for shard in read_manifest(documents).shards],
            outputs={SIGNATURES: signatures},
            stage=dataclasses.replace(stage, sections={stage.name: signing}),
            label="signatures",
            threads=True,
            link=True,
        )
    return sum(result.stats["bytes"] for result in results)


def sign_shard(
    documents: Path,
    shingle_words: int,
    maps: Permutations,
    banding: Banding,
    pool: ThreadPoolExecutor,
    job: Job,
    out: OutputWriter,
) -> Stats:
    """Write the signatures of one shard; all jobs share ``pool``, so that no more threads sign than there are cores."""
    sign = functools.partial(signature_table, shingle_words=shingle_words, maps=maps, banding=banding)
    size = 0
    signed = [pool.submit(sign, _NOTHING)]
    try:
        with pq.ParquetFile(documents / f"{job.name}.parquet", pre_buffer=False) as file:
            for batch in file.iter_batches(_ROWS_AT_ONCE, columns=["id", "text"], use_threads=False):
                signed.append(pool.submit(sign, pa.table(batch)))
                size += pc.sum(pc.binary_length(batch.column("text"))).as_py()
        out.write_arrow(SIGNATURES, job.name, pa.concat_tables(part.result() for part in signed))
    except BaseException:
        for part in signed:
            part.cancel()
        raise
    return {"bytes": size}
