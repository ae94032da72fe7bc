"""How often a document is trained on: its weight from the policy, and whole copies of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bessemer.config.curate import Step, WeightRules
from bessemer.text.normalize import keyed


def weights_of(
    rules: WeightRules,
    *,
    source: "pa.ChunkedArray[Any]",
    language: "pa.ChunkedArray[Any]",
    quality: NDArray[np.float64],
    family: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Shape (n,): times that each document is to be trained on, on average.

    Args:
        rules: the section ``curate.weights``.
        source, language: strings; a null has no weight of its own.
        quality: shape (n,): the classifier's score; nan has no weight of its own.
        family: shape (n,): documents that each stands for, itself among them.
    """
    weights = _named(source, rules.sources) * _named(language, rules.languages)
    weights *= _stepped(quality, rules.quality) * _stepped(family.astype(np.float64), rules.duplicates)
    return weights.astype(np.float32)


def copies_of(ids: Sequence[str], weights: NDArray[np.float32], seed: int) -> NDArray[np.int64]:
    """Shape (n,): the weight as whole copies. What is left of it is the chance of one more, drawn by the id.

    The draw is a pure function of id and seed, so a larger weight never takes a copy away.
    """
    whole = np.floor(weights).astype(np.int64)
    rest = weights - whole
    drawn = np.flatnonzero(rest)
    draws = np.array([keyed(ids[row], seed, "shard.copies") for row in drawn.tolist()], np.uint64) / 2.0**64
    whole[drawn] += draws < rest[drawn]
    return whole


def _named(values: "pa.ChunkedArray[Any]", weights: Mapping[str, float]) -> NDArray[np.float64]:
    places = pc.index_in(values, value_set=pa.array(list(weights), pa.string()))
    known = np.array([*weights.values(), 1.0])
    chosen: NDArray[np.float64] = known[pc.fill_null(places, len(weights)).to_numpy()]
    return chosen


def _stepped(values: NDArray[np.float64], steps: Sequence[Step]) -> NDArray[np.float64]:
    starts = np.array([step.at_least for step in steps], np.float32)  # as scores are stored: a 0.9 reaches 0.9
    reached = np.searchsorted(starts, values.astype(np.float32), "right")
    reached[np.isnan(values)] = 0
    return np.array([1.0, *(step.weight for step in steps)])[reached]
