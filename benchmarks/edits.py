"""Word edits, as somebody who revises a text makes them: words replaced, taken out and put in."""

import numpy as np
from numpy.typing import NDArray


def edited(
    words: NDArray[np.int32], rate: float, spoken: NDArray[np.int32], rng: np.random.Generator
) -> NDArray[np.int32]:
    """A copy in which about ``rate`` of the words are edited, at least one: a third each replaced, removed, preceded.

    Args:
        words: shape (n,), numbers of words, n at least 1.
        rate: share of words, between 0 and 1.
        spoken: numbers of words that new ones are drawn from, each as often as it occurs.
        rng: moved on.
    """
    chosen = rng.random(len(words)) < rate
    if not chosen.any():
        chosen[rng.integers(len(words))] = True
    kind = rng.integers(3, size=len(words))
    kind[~chosen] = -1
    counts = np.array([1, 0, 2, 1])[kind]  # replaced, removed, preceded by another; -1 is the last: left alone
    result = np.repeat(words, counts)
    starts = np.cumsum(counts) - counts
    new = starts[(kind == 0) | (kind == 2)]
    result[new] = spoken[rng.integers(len(spoken), size=len(new))]
    return result if len(result) else words.copy()
