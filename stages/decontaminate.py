"""Decontaminate: what every document shares with the texts that models are judged by. ``curate`` decides."""

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from numpy.typing import NDArray

from bessemer.config.decontaminate import DecontaminateParams
from bessemer.dedup.corpus import read_some_texts
from bessemer.engine import Job, OutputWriter, Stats, finish_directory, map_jobs
from bessemer.filters.boilerplate import Sightings, common_ngrams, sightings
from bessemer.filters.contamination import Index, Item, build_index, overlaps
from bessemer.filters.evaluations import evaluation_digest, read_items
from bessemer.reporting.report import Count, Sample, StageReport, Table, histogram
from bessemer.shards import directory_digest, read_manifest, read_shard
from bessemer.stage import StageContext, run_stage
from stages import layout

SAMPLE_CHARACTERS = 600
SEVERE = 0.2


def main(context: StageContext) -> StageReport:
    """Compare every shard with the evaluation sets."""
    params: DecontaminateParams = context.section
    documents = context.root / layout.DOCUMENTS
    items = read_items(context.root, params.evaluations)
    digests = {item.name: evaluation_digest(context.root, item) for item in params.evaluations}
    jobs = [Job(shard.name, {"documents": shard.xxh3}) for shard in read_manifest(documents).shards]
    comparing = params.model_copy(update={"samples": 0, "margin_words": 0})  # change nothing that is shared
    stage = dataclasses.replace(context, sections={"decontaminate": comparing})
    seen = map_jobs(
        functools.partial(see_shard, documents, context.root, comparing),
        jobs,
        outputs={},
        stage=stage,
        label="sightings",
        key=[digests],
    )
    common = common_of(params, [result.stats for result in seen])
    inputs = {"common": xxhash.xxh3_128_hexdigest(common.tobytes())}
    jobs = [
        dataclasses.replace(job, inputs={**job.inputs, **inputs}, payload=result.stats["rows"])
        for job, result in zip(jobs, seen, strict=True)
    ]
    results = map_jobs(
        functools.partial(compare_shard, documents, context.root, comparing, common.tobytes(), params.margin_words),
        jobs,
        outputs={"contamination": layout.CONTAMINATION},
        stage=stage,
        label="contamination",
        key=[digests, params.margin_words],
    )
    made_from = {"documents": directory_digest(documents), **digests}
    finish_directory(results, "contamination", context.root / layout.CONTAMINATION, made_from)
    size = sum(result.stats["bytes"] for result in seen)
    sidecar = context.root / layout.CONTAMINATION
    index = index_of(params, items, common)
    return report_contamination(
        params, index, common=len(common), documents=documents, sidecar=sidecar, size=size, made_from=made_from
    )


def see_shard(documents: Path, root: Path, params: DecontaminateParams, job: Job, out: OutputWriter) -> Stats:
    """Which documents of a shard share anything, and which n-grams are in how many that have no item."""
    texts = read_shard(documents, job.name, ["text"]).column("text").to_pylist()
    found = sightings(texts, evaluation_index(root, params.model_dump_json()))
    size = sum(len(text.encode()) for text in texts)
    return {"rows": found.rows, "hashes": found.hashes.tolist(), "counts": found.documents.tolist(), "bytes": size}


def common_of(params: DecontaminateParams, seen: Sequence[Stats]) -> NDArray[np.uint64]:
    """Boilerplate, from what :func:`see_shard` returned for all shards."""
    if params.max_documents is None:
        return np.empty(0, np.uint64)
    parts = [
        Sightings(stats["rows"], np.array(stats["hashes"], np.uint64), np.array(stats["counts"], np.int64))
        for stats in seen
    ]
    return common_ngrams(parts, params.max_documents)


def compare_shard(
    documents: Path,
    root: Path,
    params: DecontaminateParams,
    common: bytes,
    margin_words: int,
    job: Job,
    out: OutputWriter,
) -> Stats:
    """Write the contamination sidecar of one shard, whose documents with hits are the job's payload."""
    ids = read_shard(documents, job.name, ["id"]).column("id")
    rows = np.array(job.payload, np.int64)
    texts = read_some_texts(documents, job.name, rows).to_pylist() if len(rows) else []
    found = overlaps(texts, evaluation_index(root, params.model_dump_json(), common), margin_words)

    def spread(values: Any, kind: pa.DataType, nothing: Any) -> "pa.Array[Any]":
        whole = np.full(len(ids), nothing, dtype=object)
        whole[rows] = np.array(values, dtype=object)
        return pa.array(whole.tolist(), kind)

    def spread_lists(values: Sequence[list[int]]) -> "pa.Array[Any]":
        by_row = dict(zip(rows.tolist(), values, strict=True))
        return pa.array([by_row.get(row, []) for row in range(len(ids))], pa.list_(pa.int64()))

    sidecar = {
        "id": ids,
        "evaluation": spread(found.evaluation, pa.string(), None),
        "item": spread(found.item, pa.string(), None),
        "overlap": spread(found.overlap, pa.float32(), 0.0),
        "hits": spread(found.hits, pa.int32(), 0),
        "reverse_overlap": spread(found.reverse_overlap, pa.float32(), 0.0),
        "reverse_evaluation": spread(found.reverse_evaluation, pa.string(), None),
        "reverse_item": spread(found.reverse_item, pa.string(), None),
        "spans": spread_lists(found.spans),
        "clean_words": spread(found.clean_words, pa.int32(), None),
    }
    out.write("contamination", job.name, pa.table(sidecar))
    return {}


@functools.lru_cache(maxsize=2)
def evaluation_index(root: Path, params_json: str, common: bytes = b"") -> Index:
    """The index of all evaluation items, built once in each worker."""
    params = DecontaminateParams.model_validate_json(params_json)
    return index_of(params, read_items(root, params.evaluations), np.frombuffer(common, np.uint64))


def index_of(params: DecontaminateParams, items: Sequence[Item], common: NDArray[np.uint64]) -> Index:
    """The index of ``items`` as the parameters want it, without boilerplate."""
    return build_index(
        items,
        ngram_words=params.ngram_words,
        shortest_item_words=params.shortest_item_words,
        informative_words=params.informative_words,
        boilerplate=common,
    )


def report_contamination(
    params: DecontaminateParams,
    index: Index,
    *,
    common: int,
    documents: Path,
    sidecar: Path,
    size: int,
    made_from: dict[str, str],
) -> StageReport:
    """Evaluation sets and how much of them was found, how far documents overlap, and the worst documents."""
    compared = read_manifest(sidecar).totals["rows"]
    hit = sorted(_with_hits(sidecar), key=lambda row: (-row["reverse_overlap"], -row["overlap"], row["id"]))
    severe = [row for row in hit if max(row["overlap"], row["reverse_overlap"]) > SEVERE]
    bins = [round(0.05 * step, 2) for step in range(21)]
    return StageReport(
        stage="decontaminate",
        title="Decontamination",
        summary=(
            f"{len(hit):,} of {compared:,} documents share a {params.ngram_words}-gram with {len(params.evaluations)} "
            f"evaluation sets; {len(severe):,} share more than {SEVERE:.0%} of themselves or of an item."
        ),
        counts=[
            Count(label="documents compared", documents=compared, bytes=size),
            Count(label="share an n-gram", documents=len(hit)),
            Count(label="share a lot", documents=len(severe)),
        ],
        metrics={
            "boilerplate_ngrams": common,
            "documents": compared,
            "documents_with_hits": len(hit),
            "documents_with_large_overlap": len(severe),
        },
        histograms=[
            histogram(
                name, [row[name] for row in hit], title=title, unit="share", bins=bins, threshold=SEVERE, log_y=True
            )
            for name, title in (
                ("overlap", "Share of a document's n-grams, of documents that share any"),
                ("reverse_overlap", "Largest share of an item's n-grams, of documents that share any"),
            )
        ],
        tables=[_sets(params, index, hit)],
        samples=[_sample(documents, row) for row in hit[: params.samples]],
        provenance=made_from,
    )


def _with_hits(sidecar: Path) -> Iterator[dict[str, Any]]:
    """Rows of documents that share anything, with the shard that they are of."""
    columns = ["id", "evaluation", "item", "overlap", "hits", "reverse_overlap", "reverse_evaluation", "reverse_item"]
    for shard in read_manifest(sidecar).shards:
        table = read_shard(sidecar, shard.name, columns)
        for row in table.filter(pc.greater(table.column("hits"), pa.scalar(0, pa.int32()))).to_pylist():
            yield {**row, "shard": shard.name}


def _sets(params: DecontaminateParams, index: Index, hit: Sequence[dict[str, Any]]) -> Table:
    names = np.array(index.names, object)
    rows: list[list[int | float | str | None]] = []
    for evaluation in params.evaluations:
        own = names == evaluation.name
        searchable = int((index.sizes[own] > 0).sum())
        touching = [row for row in hit if row["evaluation"] == evaluation.name]
        held = [row for row in hit if row["reverse_evaluation"] == evaluation.name and row["reverse_overlap"] > SEVERE]
        leaked = len({row["reverse_item"] for row in held})
        ngrams = int(index.sizes[own].sum())
        rows.append([evaluation.name, int(own.sum()), searchable, ngrams, len(touching), len(held), leaked])
    return Table(
        name="evaluations",
        title="Evaluation sets",
        columns=[
            "evaluation",
            "items",
            "items looked for",
            "informative n-grams",
            "documents that point to it",
            "documents with much of an item",
            "items so leaked",
        ],
        rows=rows,
        note=f"An item without an informative n-gram is not looked for. Much is more than {SEVERE:.0%} of an item's "
        "n-grams; of a document that has several items, the one with the largest share counts.",
    )


def _sample(documents: Path, row: dict[str, object]) -> Sample:
    table = read_shard(documents, str(row["shard"]), ["id", "text", "source"])
    place = table.column("id").to_pylist().index(row["id"])
    document = table.slice(place, 1).to_pylist()[0]
    facts: dict[str, int | float | str] = {
        "evaluation": str(row["evaluation"]),
        "item": str(row["item"]),
        "hits": int(str(row["hits"])),
        "overlap": round(float(str(row["overlap"])), 4),
        "reverse_overlap": round(float(str(row["reverse_overlap"])), 4),
        "reverse_evaluation": str(row["reverse_evaluation"]),
        "reverse_item": str(row["reverse_item"]),
    }
    text = document["text"][:SAMPLE_CHARACTERS]
    return Sample(group="largest overlap", id=document["id"], source=document["source"], text=text, facts=facts)


if __name__ == "__main__":
    run_stage("decontaminate", main, decontaminate=DecontaminateParams)
