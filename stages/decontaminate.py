"""Decontaminate: what every document shares with the texts that models are judged by. ``curate`` decides."""

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from bessemer.config.decontaminate import DecontaminateParams
from bessemer.engine import Job, OutputWriter, Stats, finish_directory, map_jobs
from bessemer.filters.contamination import Index, Item, build_index, overlaps
from bessemer.filters.evaluations import read_items
from bessemer.reporting.report import Count, Sample, StageReport, Table, histogram
from bessemer.shards import directory_digest, file_digest, read_manifest, read_shard
from bessemer.stage import StageContext, run_stage
from stages import layout

SAMPLE_CHARACTERS = 600
SEVERE = 0.2


def main(context: StageContext) -> StageReport:
    """Compare every shard with the evaluation sets."""
    params: DecontaminateParams = context.section
    documents = context.root / layout.DOCUMENTS
    items = read_items(context.root, params.evaluations)
    digests = {evaluation.name: file_digest(context.root / evaluation.path) for evaluation in params.evaluations}
    jobs = [Job(shard.name, {"documents": shard.xxh3}) for shard in read_manifest(documents).shards]
    comparing = params.model_copy(update={"samples": 0})
    results = map_jobs(
        functools.partial(compare_shard, documents, context.root, comparing),
        jobs,
        outputs={"contamination": layout.CONTAMINATION},
        stage=dataclasses.replace(context, sections={"decontaminate": comparing}),
        label="contamination",
        key=[digests],
    )
    made_from = {"documents": directory_digest(documents), **digests}
    finish_directory(results, "contamination", context.root / layout.CONTAMINATION, made_from)
    size = sum(result.stats["bytes"] for result in results)
    sidecar = context.root / layout.CONTAMINATION
    return report_contamination(params, items, documents=documents, sidecar=sidecar, size=size, made_from=made_from)


def compare_shard(documents: Path, root: Path, params: DecontaminateParams, job: Job, out: OutputWriter) -> Stats:
    """Write the contamination sidecar of one shard."""
    table = read_shard(documents, job.name, ["id", "text"])
    texts = table.column("text").to_pylist()
    found = overlaps(texts, evaluation_index(root, params.model_dump_json()))
    sidecar = {
        "id": table.column("id"),
        "evaluation": pa.array(found.evaluation, pa.string()),
        "item": pa.array(found.item, pa.string()),
        "overlap": found.overlap,
        "hits": found.hits,
        "reverse_overlap": found.reverse_overlap,
        "reverse_evaluation": pa.array(found.reverse_evaluation, pa.string()),
        "reverse_item": pa.array(found.reverse_item, pa.string()),
    }
    out.write("contamination", job.name, pa.table(sidecar))
    return {"bytes": sum(len(text.encode()) for text in texts)}


@functools.lru_cache(maxsize=1)
def evaluation_index(root: Path, params_json: str) -> Index:
    """The index of all evaluation items, built once in each worker."""
    params = DecontaminateParams.model_validate_json(params_json)
    return index_of(params, read_items(root, params.evaluations))


def index_of(params: DecontaminateParams, items: Sequence[Item]) -> Index:
    """The index of ``items`` as the parameters want it."""
    return build_index(
        items,
        ngram_words=params.ngram_words,
        shortest_item_words=params.shortest_item_words,
        informative_words=params.informative_words,
    )


def report_contamination(
    params: DecontaminateParams,
    items: Sequence[Item],
    *,
    documents: Path,
    sidecar: Path,
    size: int,
    made_from: dict[str, str],
) -> StageReport:
    """Evaluation sets and how much of them was found, how far documents overlap, and the worst documents."""
    tables = [(shard.name, read_shard(sidecar, shard.name)) for shard in read_manifest(sidecar).shards]
    rows = [{**row, "shard": name} for name, table in tables for row in table.to_pylist()]
    hit = sorted(
        (row for row in rows if row["hits"]), key=lambda row: (-row["reverse_overlap"], -row["overlap"], row["id"])
    )
    severe = [row for row in hit if max(row["overlap"], row["reverse_overlap"]) > SEVERE]
    bins = [round(0.05 * step, 2) for step in range(21)]
    return StageReport(
        stage="decontaminate",
        title="Decontamination",
        summary=(
            f"{len(hit):,} of {len(rows):,} documents share a {params.ngram_words}-gram with {len(params.evaluations)} "
            f"evaluation sets; {len(severe):,} share more than {SEVERE:.0%} of themselves or of an item."
        ),
        counts=[
            Count(label="documents compared", documents=len(rows), bytes=size),
            Count(label="share an n-gram", documents=len(hit)),
            Count(label="share a lot", documents=len(severe)),
        ],
        metrics={"documents": len(rows), "documents_with_hits": len(hit), "documents_with_large_overlap": len(severe)},
        histograms=[
            histogram(
                name, [row[name] for row in hit], title=title, unit="share", bins=bins, threshold=SEVERE, log_y=True
            )
            for name, title in (
                ("overlap", "Share of a document's n-grams, of documents that share any"),
                ("reverse_overlap", "Largest share of an item's n-grams, of documents that share any"),
            )
        ],
        tables=[_sets(params, items, hit)],
        samples=[_sample(documents, row) for row in hit[: params.samples]],
        provenance=made_from,
    )


def _sets(params: DecontaminateParams, items: Sequence[Item], hit: Sequence[dict[str, object]]) -> Table:
    index = index_of(params, items)
    names = np.array(index.names, object)
    rows: list[list[int | float | str | None]] = []
    for evaluation in params.evaluations:
        own = names == evaluation.name
        searchable = int((index.sizes[own] > 0).sum())
        touching = [row for row in hit if row["evaluation"] == evaluation.name]
        rows.append([evaluation.name, int(own.sum()), searchable, int(index.sizes[own].sum()), len(touching)])
    return Table(
        name="evaluations",
        title="Evaluation sets",
        columns=["evaluation", "items", "items looked for", "informative n-grams", "documents that point to it"],
        rows=rows,
        note="An item without an informative n-gram cannot be looked for.",
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
