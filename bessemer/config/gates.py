"""Parameters of the gates: bounds on metrics of earlier stages. Section ``corpus_gate``, and the checks of others."""

from typing import Literal, Self

from pydantic import Field, model_validator

from bessemer.config.base import Strict


class GateCheck(Strict):
    """One bound on one number."""

    metric: str = Field(
        pattern=r"^[a-z][a-z0-9_]*\.[A-Za-z0-9_.\-]+$", description="stage.metric, as in reports/<stage>/metrics.json"
    )
    op: Literal["<=", ">=", "<", ">", "=="] = Field(description="how the metric must compare with the bound")
    bound: float = Field(allow_inf_nan=False, description="in the unit of the metric")
    sampled: str | None = Field(
        None,
        pattern=r"^[a-z][a-z0-9_]*\.[A-Za-z0-9_.\-]+$",
        description="for a share that was found on a sample: the metric with the size of the sample; the bound "
        "counts as broken only where the whole 95 % interval lies beyond it",
    )
    severity: Literal["warn", "error"] = Field("error", description="error: the gate stays shut; warn: it is said only")
    reason: str = Field(min_length=1, description="why the bound is there, shown when it does not hold")


def _no_metric_bounded_twice(checks: list[GateCheck]) -> None:
    seen: set[tuple[str, str]] = set()
    for item in checks:
        if (item.metric, item.op) in seen:
            raise ValueError(f"{item.metric} {item.op} is given twice; the looser bound would say nothing")
        seen.add((item.metric, item.op))


_CORPUS_CHECKS = [
    GateCheck(
        metric="curate.documents_kept",
        op=">=",
        bound=100,
        severity="error",
        reason="a corpus this small trains nothing: look at the reasons in reports/curate",
    ),
    GateCheck(
        metric="curate.dropped_fraction",
        op="<=",
        bound=0.9,
        severity="error",
        reason="a policy that drops nearly everything is usually a mistake in it",
    ),
    GateCheck(
        metric="curate.near_duplicate_fraction",
        op="<=",
        bound=0.5,
        severity="warn",
        reason="most documents resemble another one: look for templates in the sources",
    ),
    GateCheck(
        metric="shard.train_tokens",
        op=">=",
        bound=100_000,
        severity="error",
        reason="too few tokens to train on",
    ),
    GateCheck(
        metric="ingest.quarantined_fraction",
        op="<=",
        bound=0.01,
        severity="warn",
        reason="records could not be read: look at data/quarantine",
    ),
]


class CorpusGateParams(Strict):
    """What a corpus must meet before anything is trained on it."""

    checks: list[GateCheck] = Field(
        _CORPUS_CHECKS, description="all of them are evaluated; a failed one of severity error stops"
    )

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        _no_metric_bounded_twice(self.checks)
        return self
