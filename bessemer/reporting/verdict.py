"""Is one score better than another, or is it the luck of the texts that both were measured on?"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

Interval = tuple[float, float]
RESAMPLES = 2000
NOISE = "within the noise"


class Verdict(NamedTuple):
    """A judgement on two scores.

    Attributes:
        tone: good, bad or idle, for B beside A.
        text: the same in words.
        low, high: 95 % interval of B − A; not a number where there is none.
    """

    tone: str
    text: str
    low: float = math.nan
    high: float = math.nan


def difference_interval(a: float, of_a: Interval, b: float, of_b: Interval) -> Interval:
    """95 % interval of ``b − a`` from the 95 % intervals of both, which may lie unevenly around them.

    Source: Zou and Donner 2008 (MOVER), for shares Newcombe 1998, method 10. It takes the two for independent. Two
    models on the same texts are not: they find the same texts hard. So it asks for a larger difference than it needs.
    """
    low = math.hypot(b - of_b[0], of_a[1] - a)
    high = math.hypot(of_b[1] - b, a - of_a[0])
    return b - a - low, b - a + high


def paired_interval(bits_a: Sequence[float], bits_b: Sequence[float], sizes: Sequence[float]) -> Interval:
    """95 % interval of the difference in bits per byte, B − A, of two models on the same documents.

    Args:
        bits_a, bits_b: bits that each document takes.
        sizes: their bytes.

    Source: Efron 1979, percentile bootstrap over documents, both models on the same draw; a fixed seed.
    """
    differences, bytes_of = np.asarray(bits_b) - np.asarray(bits_a), np.asarray(sizes, dtype=np.float64)
    rng = np.random.default_rng(0)
    drawn = rng.integers(len(bytes_of), size=(RESAMPLES, len(bytes_of)))
    low, high = np.quantile(differences[drawn].sum(axis=1) / bytes_of[drawn].sum(axis=1), [0.025, 0.975])
    return float(low), float(high)


def judge(a: float, b: float, interval: Interval | None, *, lower_is_better: bool) -> Verdict:
    """Whether B is better than A by more than chance explains.

    Args:
        a, b: the two scores.
        interval: 95 % interval of ``b − a``; none where it is not known.
        lower_is_better: as bits per byte are.
    """
    if not (math.isfinite(a) and math.isfinite(b)):
        return Verdict("idle", "not a number")
    if a == b:
        return Verdict("idle", "the same")
    better = "B is better" if (b < a) == lower_is_better else "B is worse"
    if interval is None:
        return Verdict("idle", f"{better}; without an interval nobody can say whether that is chance")
    low, high = interval
    if not (math.isfinite(low) and math.isfinite(high)):
        return Verdict("idle", f"{better}; without an interval nobody can say whether that is chance")
    if low <= 0 <= high:
        return Verdict("idle", NOISE, low, high)
    return Verdict("good" if better == "B is better" else "bad", f"{better}, beyond the noise", low, high)
