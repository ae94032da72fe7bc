"""Classifier: learn wanted from ordinary text, score what is left out, and find the cut that keeps a wanted share."""

import dataclasses
import functools
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bessemer.config.classifier import ClassifierParams
from bessemer.engine import Job, OutputWriter, Stats, map_jobs
from bessemer.filters.classifier import (
    FOLDS,
    Calibration,
    Example,
    area_under_roc,
    choose_examples,
    cut_for,
    fold_of,
    line_of,
    load_models,
    model_path,
    score_by_fold,
    train,
    write_calibration,
)
from bessemer.reporting.report import Count, Sample, StageReport, Table, histogram
from bessemer.shards import directory_digest, read_aligned, read_manifest, read_shard
from bessemer.stage import StageContext, run_stage
from bessemer.text.normalize import keyed, text_hash
from stages import layout

POOL = Path(".scratch/classifier")
SAMPLES_PER_GROUP = 5
SAMPLE_CHARACTERS = 600
_SIDES = {"positive": 1, "negative": -1, "neither": 0}


@dataclass(frozen=True)
class Pool:
    """Documents in the classifier's languages, one for each distinct text, by ascending hash; lists of equal length."""

    hashes: list[str]
    ids: list[str]
    sources: list[str]
    lines: list[str]

    def __len__(self) -> int:
        return len(self.hashes)


@dataclass(frozen=True)
class Scored:
    """Examples and pool with their scores (float32, one each), each by the model that did not see the text."""

    examples: list[Example]
    unseen: NDArray[np.float32]
    pool: Pool
    pool_scores: NDArray[np.float32]


def main(context: StageContext) -> StageReport:
    """Gather examples, train a model for each fold, and calibrate the cut on texts that it has not seen."""
    params: ClassifierParams = context.section
    models = context.root / layout.CLASSIFIER
    models.mkdir(parents=True, exist_ok=True)
    documents, language = context.root / layout.DOCUMENTS, context.root / layout.LANGUAGE
    made_from = {"documents": directory_digest(documents), "language": directory_digest(language)}
    if not params.positives:
        write_calibration(models, Calibration(enabled=False, seed=params.seed, words=params.words))
        return StageReport(
            stage="classifier",
            title="Classifier",
            summary="No classifier: classifier.positives and classifier.negatives are empty.",
            metrics={"enabled": 0},
            provenance=made_from,
        )

    examples, pool = gather(context, params, documents, language)
    chosen, both = choose_examples(examples, params)
    for fold in range(FOLDS):
        train(chosen, fold, params, model_path(models, fold))
    loaded = load_models(models)
    pool_scores = score_by_fold(loaded, pool.lines, pool.hashes, params.seed)
    unseen = score_by_fold(loaded, [e.line for e in chosen], [e.text_hash for e in chosen], params.seed)
    calibration = calibrate(params, chosen, both, unseen, pool_scores)
    write_calibration(models, calibration)
    return report_classifier(params, calibration, Scored(chosen, unseen, pool, pool_scores), made_from)


def gather(
    context: StageContext, params: ClassifierParams, documents: Path, language: Path
) -> tuple[list[Example], Pool]:
    """The labelled examples and the documents to calibrate on, from all shards."""
    languages = {shard.name: shard.xxh3 for shard in read_manifest(language).shards}
    jobs = [
        Job(shard.name, {"documents": shard.xxh3, "language": languages.get(shard.name, "")})
        for shard in read_manifest(documents).shards
    ]
    shutil.rmtree(context.root / POOL, ignore_errors=True)
    gathering = ClassifierParams(
        positives=params.positives,
        negatives=params.negatives,
        languages=params.languages,
        cap=params.cap,
        words=params.words,
        seed=params.seed,
    )
    results = map_jobs(
        functools.partial(gather_shard, documents, language, gathering),
        jobs,
        outputs={"pool": POOL},
        stage=dataclasses.replace(context, sections={"classifier": gathering}),
        label="examples",
    )
    examples: list[Example] = []
    distinct: dict[str, tuple[str, str, str]] = {}
    for result in results:
        for shard in result.shards["pool"]:
            for row in read_shard(context.root / POOL, shard.name).to_pylist():
                if row["side"]:
                    examples.append(Example(row["hash"], row["line"], row["side"] > 0))
                place = (row["id"], row["source"], row["line"])
                distinct[row["hash"]] = min(place, distinct.get(row["hash"], place))
    shutil.rmtree(context.root / POOL)
    hashes = sorted(distinct, key=lambda name: (keyed(name, params.seed, "pool"), name))[: params.cap]
    ids, sources, lines = zip(*(distinct[name] for name in hashes), strict=True) if hashes else ((), (), ())
    return examples, Pool(hashes, list(ids), list(sources), list(lines))


def gather_shard(documents: Path, language: Path, params: ClassifierParams, job: Job, out: OutputWriter) -> Stats:
    """Write what the classifier reads of one shard: at most ``cap`` documents of each side and of neither."""
    table, sidecar = read_aligned(job.name, documents, language)
    wanted = set(params.languages)
    sides = dict.fromkeys(params.positives, 1) | dict.fromkeys(params.negatives, -1)
    rows: dict[int, list[tuple[int, dict[str, str | int]]]] = {side: [] for side in _SIDES.values()}
    texts, ids, sources = (table.column(name).to_pylist() for name in ("text", "id", "source"))
    for text, name, source, code in zip(texts, ids, sources, sidecar.column("language").to_pylist(), strict=True):
        line = line_of(text, params.words) if code in wanted else ""
        if line:
            digest, side = text_hash(text), sides.get(source, 0)
            row = {"id": name, "source": source, "hash": digest, "side": side, "line": line}
            rows[side].append((keyed(digest, params.seed, "example"), row))
    kept = [row for side in rows.values() for _, row in sorted(side, key=lambda item: item[0])[: params.cap]]
    names = [
        ("id", pa.string()),
        ("source", pa.string()),
        ("hash", pa.string()),
        ("side", pa.int8()),
        ("line", pa.string()),
    ]
    out.write("pool", job.name, pa.Table.from_pylist(kept, schema=pa.schema(names)))
    return {"documents": len(texts), "kept": len(kept)}


def calibrate(
    params: ClassifierParams,
    examples: Sequence[Example],
    both: int,
    unseen: NDArray[np.float32],
    pool_scores: NDArray[np.float32],
) -> Calibration:
    """The cut, and how well each fold's model tells the sides apart on the examples that it has not seen."""
    positive = np.array([example.positive for example in examples], np.bool_)
    fold = np.array([fold_of(example.text_hash, params.seed) for example in examples], np.int64)
    return Calibration(
        enabled=True,
        seed=params.seed,
        words=params.words,
        keep_fraction=params.keep_fraction,
        cut=cut_for(pool_scores, params.keep_fraction),
        auc=round(area_under_roc(unseen, positive), 6),
        auc_by_fold=[round(area_under_roc(unseen[fold == k], positive[fold == k]), 6) for k in range(FOLDS)],
        counts={
            "positives": int(positive.sum()),
            "negatives": int((~positive).sum()),
            "on_both_sides": both,
            "calibrated_on": len(pool_scores),
        },
    )


def report_classifier(
    params: ClassifierParams, calibration: Calibration, scored: Scored, made_from: dict[str, str]
) -> StageReport:
    """How well the sides are told apart, how sources score, and texts around the cut."""
    positive = np.array([example.positive for example in scored.examples], np.bool_)
    counts, cut, auc = calibration.counts, calibration.cut or 0.0, calibration.auc or 0.0
    bins = [round(0.05 * step, 2) for step in range(21)]
    return StageReport(
        stage="classifier",
        title="Classifier",
        summary=(
            f"Tells {counts['positives']:,} wanted from {counts['negatives']:,} ordinary texts, none seen in training, "
            f"with an area under the ROC curve of {auc:.3f}; {params.keep_fraction:.0%} of the documents reach the cut."
        ),
        counts=[
            Count(label="positive examples", documents=counts["positives"]),
            Count(label="negative examples", documents=counts["negatives"]),
            Count(label="calibrated on", documents=counts["calibrated_on"]),
        ],
        metrics={"enabled": 1, "auc": auc, "cut": round(cut, 6), **counts},
        histograms=[
            histogram("pool", scored.pool_scores, title="All documents", unit="score", bins=bins, threshold=cut),
            histogram("positives", scored.unseen[positive], title="Positive examples, unseen", unit="score", bins=bins),
            histogram(
                "negatives", scored.unseen[~positive], title="Negative examples, unseen", unit="score", bins=bins
            ),
        ],
        tables=[
            Table(
                name="sources",
                title="By source",
                columns=["source", "side", "documents", "median score", "share that reaches the cut"],
                rows=_by_source(params, scored, cut),
            )
        ],
        samples=_samples(scored.pool, scored.pool_scores, cut),
        provenance=made_from,
    )


def _by_source(params: ClassifierParams, scored: Scored, cut: float) -> list[list[int | float | str | None]]:
    names = np.array(scored.pool.sources, object)
    rows: list[list[int | float | str | None]] = []
    for source in sorted(set(scored.pool.sources)):
        scores = scored.pool_scores[names == source]
        side = "positive" if source in params.positives else "negative" if source in params.negatives else "neither"
        kept = round(float((scores >= np.float32(cut)).mean()), 4)
        rows.append([source, side, len(scores), round(float(np.median(scores)), 4), kept])
    return rows


def _samples(pool: Pool, scores: NDArray[np.float32], cut: float) -> list[Sample]:
    """The highest and lowest scores and those nearest the cut, ties by the order of the pool."""
    groups = {"highest": -scores, "nearest the cut": np.abs(scores - np.float32(cut)), "lowest": scores}
    samples = []
    for group, distance in groups.items():
        for place in np.argsort(distance, kind="stable")[:SAMPLES_PER_GROUP]:
            facts: dict[str, int | float | str] = {"score": round(float(scores[place]), 4)}
            text = pool.lines[place][:SAMPLE_CHARACTERS]
            samples.append(Sample(group=group, id=pool.ids[place], source=pool.sources[place], text=text, facts=facts))
    return samples


if __name__ == "__main__":
    run_stage("classifier", main, classifier=ClassifierParams)
