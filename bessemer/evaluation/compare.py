"""A model against the pinned baseline: the yardstick is a file in version control, and no run moves it."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

from bessemer.errors import ConfigError
from bessemer.reporting.report import Check, Scalar, check


def read_baseline(path: Path) -> dict[str, float]:
    """Metrics of the pinned baseline; none when ``metrics`` is empty.

    Raises:
        ConfigError: the file is missing, or is not ``{"metrics": {name: number}}``.
    """
    try:
        metrics = json.loads(path.read_bytes())["metrics"]
        return {str(name): float(value) for name, value in metrics.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise ConfigError(f'{path} must hold {{"metrics": {{…}}}}; restore it from version control.') from None


def compare_with_baseline(
    metrics: Mapping[str, Scalar], baseline: Mapping[str, float], *, metric: str, tolerance: float
) -> Check | None:
    """The check that ``metric`` (smaller is better) is at most ``tolerance`` (a share) worse than the baseline's.

    Returns:
        None when the baseline has no such metric.

    Raises:
        ConfigError: the evaluation does not report the metric.
    """
    if metric not in baseline:
        return None
    value = metrics.get(metric, math.nan)
    if not isinstance(value, int | float) or math.isnan(value):
        raise ConfigError(f"model_gate.baseline_metric: the evaluation reports no number {metric}; correct the name.")
    bound = baseline[metric] * (1 + tolerance)
    reason = f"the pinned baseline has {baseline[metric]:.4f}, and {tolerance:.1%} more is allowed"
    return check(f"evaluate.{metric}", value, "<=", bound, severity="error", reason=reason)
