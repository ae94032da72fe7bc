"""Language: the most probable language of every document, and how sure the model is."""

import functools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bessemer.config.language import LanguageParams
from bessemer.engine import Job, JobResult, OutputWriter, Stats, finish_directory, map_jobs
from bessemer.filters.language import MODEL_SHA256, identify
from bessemer.reporting.report import Count, Sample, StageReport, Table, histogram
from bessemer.shards import directory_digest, read_directory, read_manifest, read_shard
from bessemer.stage import StageContext, run_stage
from stages import layout

UNSURE_SAMPLES = 10
SAMPLE_CHARACTERS = 600


def main(context: StageContext) -> StageReport:
    """Identify every shard, and report languages and doubts."""
    params: LanguageParams = context.section
    documents = context.root / layout.DOCUMENTS
    jobs = [Job(shard.name, {"documents": shard.xxh3}) for shard in read_manifest(documents).shards]
    results = map_jobs(
        functools.partial(identify_shard, documents, params.characters),
        jobs,
        outputs={"language": layout.LANGUAGE},
        stage=context,
        label="language",
    )
    made_from = {"documents": directory_digest(documents), "model": MODEL_SHA256}
    finish_directory(results, "language", context.root / layout.LANGUAGE, made_from)
    return report_languages(results, documents, context.root / layout.LANGUAGE, made_from)


def identify_shard(documents: Path, characters: int, job: Job, out: OutputWriter) -> Stats:
    """Write the language sidecar of one shard."""
    table = read_shard(documents, job.name, ["id", "text"])
    texts = table.column("text")
    codes, scores = identify(pc.utf8_slice_codeunits(texts, 0, characters).to_pylist(), characters)
    sidecar = pa.table({"id": table.column("id"), "language": pa.array(codes, pa.string()), "score": scores})
    out.write("language", job.name, sidecar)
    size: Counter[str] = Counter()
    for code, length in zip(codes, pc.binary_length(texts).to_pylist(), strict=True):
        size[code] += length
    return {"documents": dict(sorted(Counter(codes).items())), "bytes": dict(sorted(size.items()))}


def report_languages(
    results: Sequence[JobResult], documents: Path, sidecar: Path, made_from: dict[str, str]
) -> StageReport:
    """Documents and bytes by language, how sure the model is, and the documents it is least sure of."""
    count: Counter[str] = Counter()
    size: Counter[str] = Counter()
    for result in results:
        count.update(result.stats["documents"])
        size.update(result.stats["bytes"])
    scores = read_directory(sidecar, ["language", "score"])
    values = scores.column("score").to_numpy()
    codes = np.array(scores.column("language").to_pylist(), object)
    order = sorted(count, key=lambda code: (-size[code], code))
    total_documents, total_bytes = sum(count.values()), sum(size.values())
    main_language = order[0] if order else "none"
    rows: list[list[int | float | str | None]] = [
        [code, count[code], size[code], round(float(np.median(values[codes == code])), 4)] for code in order
    ]
    return StageReport(
        stage="language",
        title="Language",
        summary=f"{len(order)} languages in {total_documents:,} documents; most bytes are in {main_language}.",
        counts=[Count(label="documents identified", documents=total_documents, bytes=total_bytes)],
        metrics={
            "languages": len(order),
            "main_language_byte_fraction": round(size[main_language] / max(1, total_bytes), 6),
            "unsure_document_fraction": round(float((values < 0.5).mean()) if len(values) else 0.0, 6),
        },
        histograms=[
            histogram(
                "score", values, title="Probability of the language", unit="probability", bins=_UNIT_BINS, log_y=True
            )
        ],
        tables=[
            Table(
                name="languages",
                title="By language",
                columns=["language", "documents", "bytes", "median score"],
                rows=rows,
            )
        ],
        samples=_least_sure(documents, sidecar),
        provenance=made_from,
    )


_UNIT_BINS = [round(0.05 * step, 2) for step in range(21)]


def _least_sure(documents: Path, sidecar: Path) -> list[Sample]:
    """The documents with the lowest scores, ties by id."""
    lowest: list[tuple[float, str, str, str]] = []
    for shard in read_manifest(sidecar).shards:
        table = read_shard(sidecar, shard.name)
        rows = zip(*(table.column(name).to_pylist() for name in ("score", "id", "language")), strict=True)
        lowest = sorted([*lowest, *((score, name, code, shard.name) for score, name, code in rows)])[:UNSURE_SAMPLES]
    samples = []
    for score, name, code, shard_name in lowest:
        table = read_shard(documents, shard_name, ["id", "text", "source"])
        row = table.slice(table.column("id").to_pylist().index(name), 1).to_pylist()[0]
        facts: dict[str, int | float | str] = {"language": code, "score": round(score, 4)}
        samples.append(
            Sample(group="least sure", id=name, source=row["source"], text=row["text"][:SAMPLE_CHARACTERS], facts=facts)
        )
    return samples


if __name__ == "__main__":
    run_stage("language", main, language=LanguageParams)
