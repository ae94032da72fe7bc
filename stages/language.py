"""Language: the most probable language of every document, how sure the model is, and whether others are mixed in."""

import functools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bessemer.config.language import LanguageParams
from bessemer.engine import Job, JobResult, OutputWriter, Stats, finish_directory, map_jobs
from bessemer.filters.language import MODEL, MODEL_SHA256, identify, load_model, require_model, share_of_languages
from bessemer.reporting.report import Count, Sample, StageReport, Table, histogram
from bessemer.shards import directory_digest, read_directory, read_manifest, read_shard
from bessemer.stage import StageContext, run_stage
from stages import layout

UNSURE_SAMPLES = MIXED_SAMPLES = 10
SAMPLE_CHARACTERS = 600


def main(context: StageContext) -> StageReport:
    """Identify every shard, and report languages and doubts."""
    params: LanguageParams = context.section
    documents = context.root / layout.DOCUMENTS
    require_model(*_model(context.root, params))
    jobs = [Job(shard.name, {"documents": shard.xxh3}) for shard in read_manifest(documents).shards]
    results = map_jobs(
        functools.partial(identify_shard, context.root, documents, params),
        jobs,
        outputs={"language": layout.LANGUAGE},
        stage=context,
        label="language",
    )
    made_from = {"documents": directory_digest(documents), "model": _model(context.root, params)[1]}
    finish_directory(results, "language", context.root / layout.LANGUAGE, made_from)
    return report_languages(results, documents, context.root / layout.LANGUAGE, made_from)


def _model(root: Path, params: LanguageParams) -> tuple[Path, str]:
    """File of the model, and the SHA-256 that it must have."""
    return (root / params.model.path, params.model.sha256) if params.model else (MODEL, MODEL_SHA256)


def identify_shard(root: Path, documents: Path, params: LanguageParams, job: Job, out: OutputWriter) -> Stats:
    """Write the language sidecar of one shard.

    Columns: ``id``; ``language``, ``score``; ``second_language`` (null if there is none), ``second_score``;
    ``language_share`` of the paragraphs among the characters that were read (null where they were not looked at, or
    are fewer than two); ``mixed``.
    """
    model = load_model(*_model(root, params))
    table = read_shard(documents, job.name, ["id", "text"])
    texts = table.column("text")
    read = pc.utf8_slice_codeunits(texts, 0, params.characters).to_pylist()
    found = identify(read, params.characters, model)
    codes = found.languages
    unsure = np.flatnonzero(found.second_scores >= params.second_from).tolist()
    share = np.full(len(codes), np.nan, np.float32)
    share[unsure] = share_of_languages([read[row] for row in unsure], [codes[row] for row in unsure], model)
    mixed = share < 1 - params.mixed_share
    sidecar = pa.table(
        {
            "id": table.column("id"),
            "language": pa.array(codes, pa.string()),
            "score": found.scores,
            "second_language": pa.array(found.seconds, pa.string()),
            "second_score": found.second_scores,
            "language_share": pa.array(share, pa.float32(), from_pandas=True),
            "mixed": mixed,
        }
    )
    out.write("language", job.name, sidecar)
    size: Counter[str] = Counter()
    for code, length in zip(codes, pc.binary_length(texts).to_pylist(), strict=True):
        size[code] += length
    of_mixed = Counter(code for code, several in zip(codes, mixed.tolist(), strict=True) if several)
    counted = {"documents": Counter(codes), "bytes": size, "mixed": of_mixed}
    return {name: dict(sorted(counter.items())) for name, counter in counted.items()}


def report_languages(
    results: Sequence[JobResult], documents: Path, sidecar: Path, made_from: dict[str, str]
) -> StageReport:
    """Documents and bytes by language, how sure the model is, and the documents it is least sure of."""
    count: Counter[str] = Counter()
    size: Counter[str] = Counter()
    mixed: Counter[str] = Counter()
    for result in results:
        mixed.update(result.stats["mixed"])
        count.update(result.stats["documents"])
        size.update(result.stats["bytes"])
    scores = read_directory(sidecar, ["language", "score"])
    values = scores.column("score").to_numpy()
    codes = np.array(scores.column("language").to_pylist(), object)
    order = sorted(count, key=lambda code: (-size[code], code))
    total_documents, total_bytes = sum(count.values()), sum(size.values())
    main_language = order[0] if order else "none"
    rows: list[list[int | float | str | None]] = [
        [code, count[code], size[code], round(float(np.median(values[codes == code])), 4), mixed[code]]
        for code in order
    ]
    return StageReport(
        stage="language",
        title="Language",
        summary=f"{len(order)} languages in {total_documents:,} documents; most bytes are in {main_language}.",
        counts=[Count(label="documents identified", documents=total_documents, bytes=total_bytes)],
        metrics={
            "languages": len(order),
            "main_language_byte_fraction": round(size[main_language] / max(1, total_bytes), 6),
            "mixed_documents": mixed.total(),
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
                columns=["language", "documents", "bytes", "median score", "of mixed language"],
                rows=rows,
            )
        ],
        samples=[*_least_sure(documents, sidecar), *_mixed(documents, sidecar)],
        provenance=made_from,
    )


_UNIT_BINS = [round(0.05 * step, 2) for step in range(21)]


def _least_sure(documents: Path, sidecar: Path) -> list[Sample]:
    """The documents with the lowest scores, ties by id."""
    lowest: list[tuple[float, str, str, str]] = []
    for shard in read_manifest(sidecar).shards:
        table = read_shard(sidecar, shard.name, ["score", "id", "language"])
        rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
        lowest = sorted([*lowest, *((score, name, code, shard.name) for score, name, code in rows)])[:UNSURE_SAMPLES]
    return [
        _sample(documents, shard, name, "least sure", {"language": code, "score": round(score, 4)})
        for score, name, code, shard in lowest
    ]


def _mixed(documents: Path, sidecar: Path) -> list[Sample]:
    """Documents of mixed language, those with the smallest ids."""
    columns = ["id", "language", "second_language", "language_share"]
    first: list[tuple[str, str, str, float, str]] = []
    for shard in read_manifest(sidecar).shards:
        table = read_shard(sidecar, shard.name, [*columns, "mixed"])
        table = table.filter(table.column("mixed"))
        rows = zip(*(table.column(name).to_pylist() for name in columns), strict=True)
        first = sorted([*first, *((*row, shard.name) for row in rows)])[:MIXED_SAMPLES]
    return [
        _sample(
            documents,
            shard,
            name,
            "of mixed language",
            {"language": code, "second language": second, "share of its paragraphs": round(share, 4)},
        )
        for name, code, second, share, shard in first
    ]


def _sample(documents: Path, shard: str, name: str, group: str, facts: dict[str, int | float | str]) -> Sample:
    table = read_shard(documents, shard, ["id", "text", "source"])
    row = table.slice(table.column("id").to_pylist().index(name), 1).to_pylist()[0]
    return Sample(group=group, id=name, source=row["source"], text=row["text"][:SAMPLE_CHARACTERS], facts=facts)


if __name__ == "__main__":
    run_stage("language", main, language=LanguageParams)
