"""Shard: hold out validation, keep it out of training, and write both as token files in one global order."""

import dataclasses
import shutil
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from bessemer.config.shard import ShardParams
from bessemer.engine import Job, OutputWriter, Stats, map_jobs
from bessemer.errors import DataError
from bessemer.reporting.report import StageReport
from bessemer.shards import directory_digest, read_manifest, read_shard, write_manifest, write_shard
from bessemer.stage import StageContext, run_stage
from bessemer.tokenizer.encode import load_encoder, tokenizer_digest
from bessemer.tokens.assemble import Encoded, assemble_train, assemble_validation
from bessemer.tokens.encoding import encode_table
from bessemer.tokens.report import Split, report_shards, shown
from bessemer.tokens.split import (
    Removal,
    ledger_table,
    overlap_table,
    read_near_duplicates,
    read_validation,
    removal,
    strings,
)
from bessemer.tokens.validation import build_index, read_index, write_index
from bessemer.weights import copies_of
from stages import layout

SCRATCH = Path(".scratch/shard")
SHOWN_PER_REASON = 8


def main(context: StageContext) -> StageReport:
    """Encode every shard, choose validation and what leaves training for it, and assemble both splits."""
    params: ShardParams = context.section
    curated, tokenizer = context.root / layout.CURATED, context.root / layout.TOKENIZER
    made_from = {
        "curated": directory_digest(curated),
        "tokenizer": tokenizer_digest(tokenizer),
        "pairs": directory_digest(context.root / layout.DEDUP_PAIRS),
    }
    encoded = encode(context, made_from["tokenizer"])
    held_out = read_validation(curated, params.seed, params.validation_fraction)
    if not held_out.num_rows:
        raise DataError(f"no document of {layout.CURATED} is held out; raise shard.validation_fraction or add text.")
    overlap = measure_overlap(context, held_out)
    removed = remove(context, overlap)

    leave_out = pa.concat_arrays([removed.column("id").combine_chunks(), held_out.column("id").combine_chunks()])
    with context.progress("assemble", params.shards, "shards") as bar:
        train = assemble_train(
            context.root / layout.TOKENS_TRAIN,
            encoded,
            leave_out,
            shards=params.shards,
            threads=context.runtime.resolved_workers,
            made_from=made_from,
            bar=bar,
        )
    if not train.totals["documents"]:
        raise DataError(f"no document of {layout.CURATED} is left to train on; raise curate.weights or add text.")
    val = assemble_validation(context.root / layout.TOKENS_VAL, encoded, held_out, made_from=made_from)
    shutil.rmtree(context.root / SCRATCH)
    return report_shards(
        Split(context.root / layout.TOKENS_TRAIN, train),
        Split(context.root / layout.TOKENS_VAL, val),
        overlap=overlap,
        removed=removed,
        texts=texts_of(curated, shown(removed, SHOWN_PER_REASON)),
        max_overlap=params.max_validation_overlap,
        made_from=made_from,
    )


def encode(context: StageContext, digest: str) -> Encoded:
    """The tokens of every curated shard. Of the parameters only the seed takes part: new text encodes only itself,
    beside shards where a weight or a family has changed.
    """
    params: ShardParams = context.section
    curated, tokenizer = context.root / layout.CURATED, context.root / layout.TOKENIZER
    results = map_jobs(
        partial(encode_shard, curated, tokenizer, params.seed),
        [Job(shard.name, {"curated": shard.xxh3, "tokenizer": digest}) for shard in read_manifest(curated).shards],
        outputs={"encoded": SCRATCH / "encoded"},
        stage=dataclasses.replace(context, sections={}),
        label="encode",
        key=[params.seed],
    )
    encoder = load_encoder(tokenizer)
    names = [result.job.name for result in results]
    return Encoded(context.root / SCRATCH / "encoded", names, encoder.vocab_size, encoder.eos_id)


def encode_shard(curated: Path, tokenizer: Path, seed: int, job: Job, out: OutputWriter) -> Stats:
    """Write the tokens of one shard, sorted by the global order."""
    table = read_shard(curated, job.name, ["id", "source", "language", "weight", "text"])
    copies = copies_of(strings(table, "id"), table.column("weight").to_numpy(), seed)
    out.write("encoded", job.name, encode_table(table, load_encoder(tokenizer), copies, seed))
    return {}


def measure_overlap(context: StageContext, held_out: pa.Table) -> pa.Table:
    """What every document shares with validation; of the parameters only those that choose validation take part."""
    curated, path = context.root / layout.CURATED, context.root / SCRATCH / "validation.index"
    params: ShardParams = context.section
    index = build_index(strings(held_out, "id"), strings(held_out, "text"))
    write_index(path, index)
    results = map_jobs(
        partial(overlap_shard, curated, path, params.seed),
        [Job(shard.name, {"curated": shard.xxh3, "index": index.digest}) for shard in read_manifest(curated).shards],
        outputs={"overlap": SCRATCH / "overlap"},
        stage=dataclasses.replace(context, sections={}),
        label="overlap",
        key=[params.seed],
    )
    return pa.concat_tables([read_shard(context.root / SCRATCH / "overlap", result.job.name) for result in results])


def overlap_shard(curated: Path, index: Path, seed: int, job: Job, out: OutputWriter) -> Stats:
    """Write what the documents of one shard share with validation."""
    table = read_shard(curated, job.name, ["id", "source", "language", "weight", "text"])
    out.write("overlap", job.name, overlap_table(table, read_index(index), seed))
    return {}


def remove(context: StageContext, overlap: pa.Table) -> pa.Table:
    """Decide which documents leave training, and write their rows of the ledger, one shard per reason."""
    params: ShardParams = context.section
    similar, representatives = read_near_duplicates(
        strings(overlap.filter(overlap.column("held_out")), "id"),
        context.root / layout.DEDUP_EXACT,
        context.root / layout.DEDUP_PAIRS,
        params.validation_similarity,
    )
    rows: list[tuple[dict[str, object], Removal]] = []
    for batch in overlap.to_batches(max_chunksize=65_536):
        for row in batch.to_pylist():
            why = removal(
                row,
                similar.get(representatives.get(row["id"], row["id"])),
                similarity=params.validation_similarity,
                max_overlap=params.max_validation_overlap,
            )
            if why is not None:
                rows.append((row, why))
    table = ledger_table(rows).sort_by([("id", "ascending")])
    directory = context.root / layout.TOKENS_LEDGER
    made_from = {"curated": directory_digest(context.root / layout.CURATED)}
    write_manifest(directory, [write_shard(directory, "removed", table)], made_from)
    return table


def texts_of(curated: Path, ids: list[str]) -> dict[str, str]:
    """Texts of some documents."""
    wanted = pa.array(ids, pa.string())
    found: dict[str, str] = {}
    for shard in read_manifest(curated).shards:
        table = read_shard(curated, shard.name, ["id", "text"])
        chosen = table.filter(pc.is_in(table.column("id"), value_set=wanted))
        found.update(zip(strings(chosen, "id"), strings(chosen, "text"), strict=True))
    return found


if __name__ == "__main__":
    run_stage("shard", main, shard=ShardParams)
