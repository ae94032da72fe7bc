"""Tokenizer: SentencePiece BPE trained on a bounded sample of the curated corpus, or a pinned one, in two formats."""

import shutil
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from bessemer.config.tokenizer import TokenizerParams
from bessemer.engine import Job, OutputWriter, Stats, map_jobs
from bessemer.errors import DataError
from bessemer.reporting.report import StageReport
from bessemer.shards import directory_digest, read_manifest, read_shard
from bessemer.stage import StageContext, run_stage
from bessemer.tokenizer.convert import write_fast_tokenizer
from bessemer.tokenizer.encode import load_encoder, tokenizer_digest
from bessemer.tokenizer.metrics import measure
from bessemer.tokenizer.pin import pin_tokenizer
from bessemer.tokenizer.report import Size, report_tokenizer
from bessemer.tokenizer.sample import Queue, examples_of, priorities, queue_table, read_chosen, read_queue
from bessemer.tokenizer.train import train_model
from stages import layout

MEASURED_BYTES = 16_000_000
"""Bytes at the front of the queue on which the tokenizer is measured."""

SCRATCH = Path(".scratch/tokenizer")


def main(context: StageContext) -> StageReport:
    """Choose a sample, train or pin, write both formats, and measure what came out."""
    params: TokenizerParams = context.section
    curated, target = context.root / layout.CURATED, context.root / layout.TOKENIZER
    queue = make_queue(context, curated, params)
    if params.from_ is None:
        sample = queue.first(params.sample_bytes)
        texts = (row.text for row in read_chosen(curated, queue, sample))
        data = train_model(texts, params, threads=context.runtime.resolved_workers)
        write_fast_tokenizer(target, data, model_max_length=params.model_max_length)
    else:
        sample = np.zeros(len(queue.ids), dtype=bool)
        folder = context.root / params.from_.path
        pin_tokenizer(folder, target, params.from_.digest, model_max_length=params.model_max_length)

    encoder = load_encoder(target)
    rows = list(read_chosen(curated, queue, queue.first(min(params.sample_bytes, MEASURED_BYTES))))
    with context.progress("measure", len(rows), "documents") as bar:
        measures = measure(encoder, rows, bar)
    return report_tokenizer(
        encoder,
        measures,
        corpus=_size(queue, np.ones_like(sample)),
        sample=_size(queue, sample),
        pinned=params.from_ is not None,
        examples=examples_of(rows),
        made_from={"curated": directory_digest(curated), "tokenizer": tokenizer_digest(target)},
    )


def make_queue(context: StageContext, curated: Path, params: TokenizerParams) -> Queue:
    """The queue for the sample over the whole corpus, made shard by shard."""
    shards = read_manifest(curated).shards
    if not sum(shard.rows for shard in shards):
        raise DataError(f"{layout.CURATED} holds no documents: loosen the rules of `curate`; see reports/curate.")
    results = map_jobs(
        partial(queue_shard, curated, params),
        [Job(shard.name, {"curated": shard.xxh3}) for shard in shards],
        outputs={"queue": SCRATCH},
        stage=context,
        label="sample",
    )
    queue = read_queue(context.root / SCRATCH, [result.job.name for result in results])
    shutil.rmtree(context.root / SCRATCH)
    return queue


def queue_shard(curated: Path, params: TokenizerParams, job: Job, out: OutputWriter) -> Stats:
    """Write the part of the queue that one shard makes."""
    table = read_shard(curated, job.name, ["id", "source", "language", "text"])
    ids, sources, languages = (cast(list[str], table.column(name).to_pylist()) for name in ("id", "source", "language"))
    priority = priorities(
        ids,
        sources,
        languages,
        seed=params.seed,
        source_weights=params.source_weights,
        language_weights=params.language_weights,
    )
    out.write("queue", job.name, queue_table(table, priority))
    return {}


def _size(queue: Queue, chosen: NDArray[np.bool_]) -> Size:
    return Size(documents=int(np.count_nonzero(chosen)), bytes=int(queue.sizes[chosen].sum()))


if __name__ == "__main__":
    run_stage("tokenizer", main, tokenizer=TokenizerParams)
