"""Quality: heuristic signals and the classifier's score of every document. Numbers, never verdicts."""

import functools
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from bessemer.config.quality import QualityParams
from bessemer.engine import Job, OutputWriter, Stats, finish_directory, map_jobs
from bessemer.filters.classifier import (
    CALIBRATION,
    FOLDS,
    Calibration,
    line_of,
    load_models,
    model_path,
    read_calibration,
    score_by_fold,
)
from bessemer.filters.signals import SIGNALS, signal_table, signals_of
from bessemer.reporting.report import Count, Histogram, StageReport, Table, histogram
from bessemer.shards import directory_digest, file_digest, read_aligned, read_directory, read_manifest, read_shard
from bessemer.stage import StageContext, run_stage
from bessemer.text.buffers import TextBuffer
from bessemer.text.normalize import text_hash
from stages import layout

SIGNALS_ONLY = Path(".scratch/quality")
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
_LOGARITHMIC = {"words", "characters", "lines", "sentences"}


def main(context: StageContext) -> StageReport:
    """Measure every shard, then score it: a new classifier leaves the measurements cached."""
    params: QualityParams = context.section
    documents, models = context.root / layout.DOCUMENTS, context.root / layout.CLASSIFIER
    calibration = read_calibration(models)
    digests = model_digests(models, calibration)
    shards = read_manifest(documents).shards
    measured = map_jobs(
        functools.partial(measure_shard, documents, params),
        [Job(shard.name, {"documents": shard.xxh3}) for shard in shards],
        outputs={"signals": SIGNALS_ONLY},
        stage=context,
        label="signals",
    )
    signals = {info.name: info.xxh3 for result in measured for info in result.shards["signals"]}
    results = map_jobs(
        functools.partial(score_shard, documents, context.root / SIGNALS_ONLY, models),
        [Job(shard.name, {"documents": shard.xxh3, "signals": signals[shard.name], **digests}) for shard in shards],
        outputs={"quality": layout.QUALITY},
        stage=context,
        label="scores",
    )
    shutil.rmtree(context.root / SIGNALS_ONLY)
    made_from = {"documents": directory_digest(documents), **digests}
    finish_directory(results, "quality", context.root / layout.QUALITY, made_from)
    size = sum(result.stats["bytes"] for result in measured)
    return report_signals(context.root / layout.QUALITY, calibration, size, made_from)


def model_digests(models: Path, calibration: Calibration) -> dict[str, str]:
    """Digests of what scores depend on: role to xxh3-128."""
    files = [models / CALIBRATION]
    if calibration.enabled:
        files += [model_path(models, fold) for fold in range(FOLDS)]
    return {file.name: file_digest(file) for file in files if file.is_file()}


def measure_shard(documents: Path, params: QualityParams, job: Job, out: OutputWriter) -> Stats:
    """Write every signal of one shard. No model takes part, so a new classifier leaves these cached."""
    table = read_shard(documents, job.name, ["id", "text"])
    texts = TextBuffer.of_column(table.column("text"))
    columns = signals_of(texts, stop_words=params.stop_words, short_line_characters=params.short_line_characters)
    out.write("signals", job.name, signal_table(columns).add_column(0, "id", table.column("id")))
    return {"bytes": texts.text_bytes}


def score_shard(documents: Path, signals: Path, models: Path, job: Job, out: OutputWriter) -> Stats:
    """Write the quality sidecar of one shard: its signals, and ``classifier`` (null if there is none)."""
    table, sidecar = read_aligned(job.name, documents, signals)
    scores = classifier_scores(table.column("text").to_pylist(), models)
    out.write("quality", job.name, sidecar.append_column("classifier", scores))
    return {}


def classifier_scores(texts: Sequence[str], models: Path) -> pa.Array:
    """Probability of wanted text (float32), by the model that did not see the text; all null without a classifier."""
    calibration = read_calibration(models)
    if not calibration.enabled:
        return pa.nulls(len(texts), pa.float32())
    lines = [line_of(text, calibration.words) for text in texts]
    hashes = [text_hash(text) for text in texts]
    return pa.array(score_by_fold(load_models(models), lines, hashes, calibration.seed), pa.float32())


def report_signals(sidecar: Path, calibration: Calibration, size: int, made_from: dict[str, str]) -> StageReport:
    """The distribution of every signal."""
    table = read_directory(sidecar)
    histograms: list[Histogram] = []
    rows: list[list[int | float | str | None]] = []
    for name, signal in SIGNALS.items():
        values = table.column(name).to_numpy().astype(np.float64)
        histograms.append(_histogram(name, values))
        quantiles = np.quantile(values, QUANTILES) if len(values) else np.zeros(len(QUANTILES))
        rows.append([name, *(float(f"{value:.4g}") for value in quantiles), signal.description])
    if calibration.enabled:
        scores = table.column("classifier").to_numpy()
        histograms.append(
            histogram(
                "classifier",
                scores,
                title="Classifier",
                unit="score",
                bins=[round(0.05 * step, 2) for step in range(21)],
                threshold=calibration.cut,
                log_y=True,
            )
        )
    words = int(table.column("words").to_numpy().astype(np.int64).sum())
    quantile_names = [f"{quantile:.0%}" for quantile in QUANTILES]
    return StageReport(
        stage="quality",
        title="Quality",
        summary=f"{len(SIGNALS)} signals of {table.num_rows:,} documents with {words:,} words.",
        counts=[Count(label="documents measured", documents=table.num_rows, bytes=size)],
        metrics={"documents": table.num_rows, "words": words, "signals": len(SIGNALS)},
        histograms=histograms,
        tables=[
            Table(
                name="quantiles",
                title="Quantiles of the signals",
                columns=["signal", *quantile_names, "what it counts"],
                rows=rows,
            )
        ],
        provenance=made_from,
    )


def _histogram(name: str, values: np.ndarray) -> Histogram:
    log = name in _LOGARITHMIC
    title = name.replace("_", " ")
    unit = "per word" if name.endswith("per_word") else "count" if SIGNALS[name].type == pa.int32() else "value"
    return histogram(name, values, title=title.capitalize(), unit=unit, log_x=log, log_y=not log)


if __name__ == "__main__":
    run_stage("quality", main, quality=QualityParams)
