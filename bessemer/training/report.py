"""The report of a training run, from what it left in its scratch folder: the same bytes for the same run."""

import json
import math
from pathlib import Path
from typing import Any

from bessemer.config.pretrain import PretrainParams
from bessemer.reporting.report import Check, Count, Scalar, Series, StageReport, Table, check
from bessemer.training.logs import OUTCOME, read_metrics
from bessemer.training.sample_tables import sample_tables

_POINTS = 500
_LAST_STEPS = 20


def read_outcome(scratch: Path) -> dict[str, Any]:
    """Facts of a finished run, and under ``volatile`` what differs from machine to machine."""
    outcome: dict[str, Any] = json.loads((scratch / OUTCOME).read_text(encoding="utf-8"))
    return outcome


def final_loss(rows: list[dict[str, Any]]) -> float:
    """Mean training loss of the last steps that were applied, nats per token."""
    losses = [row["loss"] for row in rows if row["applied"]][-_LAST_STEPS:]
    return sum(losses) / len(losses) if losses else math.nan


def last_validation(rows: list[dict[str, Any]]) -> float | None:
    """Bits per byte of the last validation, None if there was none."""
    values = [row["val_bits_per_byte"] for row in rows if row["val_bits_per_byte"] is not None]
    return values[-1] if values else None


def report_training(scratch: Path, params: PretrainParams, provenance: dict[str, str]) -> StageReport:
    """Curves, what was resolved, and whether every step was finite."""
    rows, outcome = read_metrics(scratch), read_outcome(scratch)
    facts, loss, validation = outcome["facts"], final_loss(rows), last_validation(rows)
    metrics: dict[str, Scalar] = {
        "parameters": facts["parameters"],
        "steps": params.steps,
        "tokens": params.total_tokens,
        "epochs": round(facts["epochs"], 4),
        "train_loss": loss,
        "skipped_steps": len(outcome["skipped"]),
        "rollbacks": len(outcome["rollbacks"]),
    }
    if validation is not None:
        metrics["val_bits_per_byte"] = validation
    judged = "" if validation is None else f" and {validation:.3f} bits per byte on held-out documents"
    return StageReport(
        stage="pretrain",
        title="Pretraining",
        summary=f"A model of {facts['parameters']:,} parameters read {params.total_tokens:,} tokens in "
        f"{params.steps:,} steps ({facts['epochs']:.2f} passes over the corpus) and ended at {loss:.3f} nats per "
        f"token{judged}.",
        counts=[
            Count(label="tokens of the corpus", tokens=facts["train_tokens"]),
            Count(label="tokens read", tokens=params.total_tokens),
        ],
        metrics=metrics,
        series=_series(rows),
        tables=[_settings(params, outcome), *sample_tables(params, facts), *_skipped(outcome), *_rollbacks(outcome)],
        checks=_checks(loss, outcome),
        provenance=provenance,
    )


def _series(rows: list[dict[str, Any]]) -> list[Series]:
    every = max(1, len(rows) // _POINTS)
    thinned = [row for number, row in enumerate(rows, start=1) if number % every == 0 or number == len(rows)]
    validated = [row for row in rows if row["val_bits_per_byte"] is not None]
    found = [
        Series(
            name=name, title=title, x="tokens", y=[name], rows=[[row["tokens"], _finite(row[name])] for row in points]
        )
        for name, title, points in (
            ("loss", "Training loss (nats per token)", thinned),
            ("val_bits_per_byte", "Bits per byte on held-out documents", validated),
            ("learning_rate_factor", "Learning rate (share of the peak)", thinned),
            ("grad_norm", "Gradient norm before clipping", thinned),
        )
    ]
    return [series for series in found if series.rows]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _settings(params: PretrainParams, outcome: dict[str, Any]) -> Table:
    facts, optimizer = outcome["facts"], params.optimizer
    kinds = facts["parameters_by_kind"]
    matrices = optimizer.muon.learning_rate if optimizer.name == "muon" else optimizer.adamw.learning_rate
    schedule = params.schedule
    shape = ", ".join(f"{name} {value}" for name, value in params.model.shape._asdict().items())
    rows: list[list[Scalar | None]] = [
        ["model", shape],
        [
            "parameters",
            f"{facts['parameters']:,}: " + ", ".join(f"{count:,} in {kind}" for kind, count in kinds.items()),
        ],
        ["operations per token", f"{facts['flops_per_token_palm']:,} (6 N + 12 L H Q T)"],
        [
            "batch",
            f"{params.batch_sequences} samples of {params.sequence_length} tokens = {params.batch_tokens:,} tokens",
        ],
        ["precision", f"{outcome['precision']} ({params.precision} asked for); weights and optimizer state fp32"],
        [
            "optimizer",
            f"{optimizer.name}: matrices at {matrices:g}, embedding at {optimizer.adamw.embedding_learning_rate:g}",
        ],
        [
            "schedule",
            f"{schedule.name}: {schedule.warmup_tokens:,} tokens of warm-up, {schedule.final_fraction:g} at the end",
        ],
        ["clipping", "none" if params.clip_norm is None else f"gradient norm {params.clip_norm:g}"],
        ["seed", params.seed],
    ]
    return Table(name="settings", title="What was trained", columns=["setting", "value"], rows=rows)


def _skipped(outcome: dict[str, Any]) -> list[Table]:
    if not outcome["skipped"]:
        return []
    columns = ["step", "first_sample", "last_sample", "where"]
    rows: list[list[Scalar | None]] = [[item[name] for name in columns] for item in outcome["skipped"]]
    return [
        Table(
            name="skipped",
            title="Steps that were passed over: a value was not finite, or far above what the last steps had",
            columns=["step", "first sample", "last sample", "where"],
            rows=rows,
            note="Nothing of such a step was applied. Samples are global numbers of the training order.",
        )
    ]


def _rollbacks(outcome: dict[str, Any]) -> list[Table]:
    if not outcome["rollbacks"]:
        return []
    columns = ["at_step", "to_step", "first_sample", "last_sample"]
    rows: list[list[Scalar | None]] = [[item[name] for name in columns] for item in outcome["rollbacks"]]
    return [
        Table(
            name="rollbacks",
            title="Times that the run went back to a checkpoint",
            columns=["at step", "to step", "first sample left out", "last sample left out"],
            rows=rows,
            note="Without samples it was a weight that was not finite: no batch is to blame.",
        )
    ]


def _checks(loss: float, outcome: dict[str, Any]) -> list[Check]:
    return [
        check("train_loss", loss, "<", 1e3, severity="error", reason="the loss of the last steps must be a number"),
        check(
            "skipped_steps",
            len(outcome["skipped"]),
            "<=",
            0,
            severity="warn",
            reason="a step that is passed over points to a learning rate that is too high or to bad data",
        ),
    ]
