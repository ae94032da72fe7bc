"""Bits per byte: how well a model predicts a text, comparable between tokenizers.

Σ nats of all tokens / (ln 2 · Σ UTF-8 bytes of all texts): a quotient of sums, never a mean of quotients. Each
document is read after the model's start token; end tokens are not scored, because they stand for no byte.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from bessemer.evaluation.scorer import LanguageModel, score
from bessemer.evaluation.texts import Document

RESAMPLES = 1_000


class Score(NamedTuple):
    """What one document, or several together, cost: nats, UTF-8 bytes and tokens."""

    nats: float
    bytes: int
    tokens: int

    @property
    def bits_per_byte(self) -> float:
        """Bits for each byte; not a number where there are no bytes."""
        return self.nats / (math.log(2) * self.bytes) if self.bytes else math.nan


def encode(lm: LanguageModel, documents: Sequence[Document]) -> list[list[int]]:
    """Tokens of each document after the model's start token."""
    return [[lm.start, *lm.encode(document.text)] for document in documents]


def score_documents(
    lm: LanguageModel,
    documents: Sequence[Document],
    sequences: Sequence[Sequence[int]],
    *,
    stride: int,
    advance: Callable[[int], None] | None = None,
) -> list[Score]:
    """The cost of each document, in order.

    Args:
        lm: the model.
        documents: texts.
        sequences: their tokens, as :func:`encode` gives them.
        stride: tokens that a window scores after the first, see :func:`bessemer.evaluation.scorer.windows`.
        advance: told how many windows are done.
    """
    scores = score(lm, sequences, stride=stride, advance=advance)
    return [
        Score(float(found.nats.sum()), document.bytes, len(found.nats))
        for document, found in zip(documents, scores, strict=True)
    ]


def total(scores: Sequence[Score]) -> Score:
    """Sums of nats, bytes and tokens."""
    return Score(
        math.fsum(score.nats for score in scores),
        sum(score.bytes for score in scores),
        sum(score.tokens for score in scores),
    )


def by_group(documents: Sequence[Document], scores: Sequence[Score], kind: str) -> dict[str, Score]:
    """Totals by the label of one kind, in the order of the labels."""
    groups: dict[str, list[Score]] = {}
    for document, found in zip(documents, scores, strict=True):
        groups.setdefault(document.group(kind) or "unknown", []).append(found)
    return {label: total(groups[label]) for label in sorted(groups)}


def interval(scores: Sequence[Score], *, seed: int) -> tuple[float, float]:
    """95 % bootstrap interval of the bits per byte over documents (Efron 1979, percentile method)."""
    nats = np.array([score.nats for score in scores])
    sizes = np.array([score.bytes for score in scores], dtype=np.float64)
    rng = np.random.default_rng(seed)
    ratios = np.empty(RESAMPLES)
    for number in range(RESAMPLES):
        drawn = rng.integers(len(scores), size=len(scores))
        ratios[number] = nats[drawn].sum() / (math.log(2) * sizes[drawn].sum())
    low, high = np.quantile(ratios, [0.025, 0.975])
    return float(low), float(high)
