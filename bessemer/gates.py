"""Gates: bounds on numbers that earlier stages reported. An open gate writes the same token, whatever they were."""

import difflib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from bessemer.config.gates import GateCheck
from bessemer.errors import ConfigError, DataError
from bessemer.reporting.report import METRICS, Check, Scalar, check
from bessemer.shards import write_json

TOKEN = {"gate": "open"}
NORMAL_95 = 1.959964
"""Standard deviations of the normal distribution that 95 % lie within."""


def read_metrics(reports: Path, stages: Sequence[str]) -> dict[str, Scalar]:
    """Metrics of some stages as ``stage.metric``.

    Args:
        reports: directory with one folder per stage.
        stages: those that must have reported.

    Raises:
        DataError: a stage has left no metrics.
    """
    found: dict[str, Scalar] = {}
    for stage in stages:
        path = reports / stage / METRICS
        try:
            metrics = json.loads(path.read_bytes())
        except FileNotFoundError:
            raise DataError(f"{path} is missing; run the stage {stage}.") from None
        except ValueError:
            raise DataError(f"{path} is not JSON; run the stage {stage} again.") from None
        found |= {f"{stage}.{name}": value for name, value in metrics.items()}
    return found


def evaluate_gate(checks: Sequence[GateCheck], metrics: Mapping[str, Scalar], section: str) -> list[Check]:
    """Every check, passed or not, in the order given.

    Args:
        checks: of ``section``.
        metrics: of :func:`read_metrics`.
        section: of params.yaml, named when a metric does not exist.

    Raises:
        ConfigError: a check asks for a metric that no stage reports, or for one that is not a number.
    """
    results = []
    for item in checks:
        value = metrics.get(item.metric)
        if not isinstance(value, int | float):
            near = nearest_metric(item.metric, metrics)
            advice = f"did you mean {near}?" if near else f"known: {', '.join(sorted(metrics))}."
            fault = "is not reported by any stage before this gate" if value is None else "is not a number"
            raise ConfigError(f"params.yaml: {section}.checks: {item.metric} {fault}; {advice}")
        found = check(item.metric, value, item.op, item.bound, severity=item.severity, reason=item.reason)
        results.append(found if item.sampled is None else _sampled(item, found, metrics, section))
    return results


def wilson_interval(share: float, size: int) -> tuple[float, float]:
    """95 % interval of a share that was found on a sample.

    Args:
        share: 0 to 1.
        size: of the sample; at least 1.

    Source: Wilson 1927; unlike the normal approximation it holds for small samples and for shares near 0 and 1.
    """
    spread = NORMAL_95 * math.sqrt(share * (1 - share) / size + NORMAL_95**2 / (4 * size**2))
    middle, scale = share + NORMAL_95**2 / (2 * size), 1 + NORMAL_95**2 / size
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def _sampled(item: GateCheck, found: Check, metrics: Mapping[str, Scalar], section: str) -> Check:
    """``found``, with its interval: a bound that the true share may well meet is not broken by the luck of a sample."""
    size = metrics.get(str(item.sampled))
    if not isinstance(size, int) or size < 1 or not 0.0 <= found.value <= 1.0:
        raise ConfigError(
            f"params.yaml: {section}.checks: {item.metric} is no share of {item.sampled}; name the metric with the "
            "number of items that it was found on, or leave sampled out."
        )
    low, high = wilson_interval(found.value, size)
    best = {"<=": low, "<": low, ">=": high, ">": high, "==": min(max(item.bound, low), high)}[item.op]
    passed = check(item.metric, best, item.op, item.bound, severity=item.severity, reason="").passed
    return found.model_copy(update={"low": low, "high": high, "passed": passed})


def nearest_metric(name: str, metrics: Mapping[str, Scalar]) -> str | None:
    """The numeric metric whose name is closest to ``name``, if any is close."""
    numeric = sorted(key for key, value in metrics.items() if isinstance(value, int | float))
    return next(iter(difflib.get_close_matches(name, numeric, n=1, cutoff=0.5)), None)


def write_token(path: Path) -> None:
    """Write the token of an open gate: the same bytes for ever, so a changed bound re-runs the gate and no more."""
    write_json(path, TOKEN)
