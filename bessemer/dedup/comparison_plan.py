"""Candidate pairs cut into tasks that each compare a bounded amount of text.

Pairs of one family (a connected component of candidates) are together, so most texts are needed by one task only; a
family too large for a task is cut, and the texts on both sides of the cut go to both tasks.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bessemer.dedup.distinct import distinct
from bessemer.text.compiled import kernel

FEWEST_SHINGLES, MOST_SHINGLES = 2_000_000, 8_000_000
"""That a task may hold, 22 bytes each in every worker. With 2 million 1 GB of text took 534 MB, with 8 million 752."""
_TASKS = 64
"""Beyond so many tasks they become larger: each opens most of the gathered files."""


@dataclass(frozen=True)
class Comparisons:
    """Pairs in the order of tasks.

    Attributes:
        pairs: shape (pairs, 2), int64: rows of documents; pairs with the same first document are together.
        bounds: shape (tasks + 1,), int64: the pairs of each task.
    """

    pairs: NDArray[np.int64]
    bounds: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def of(self, task: int) -> NDArray[np.int64]:
        """The pairs of one task."""
        return self.pairs[self.bounds[task] : self.bounds[task + 1]]

    def documents(self) -> list[NDArray[np.int64]]:
        """For each task the rows that it needs, ascending."""
        return [distinct(self.of(task).ravel()) for task in range(len(self))]


def shingles_per_task(total: int) -> int:
    """How many a task may hold where the documents that are compared have so many."""
    return min(MOST_SHINGLES, max(FEWEST_SHINGLES, total // _TASKS))


def plan_comparisons(pairs: NDArray[np.int64], shingles: NDArray[np.int32], limit: int | None = None) -> Comparisons:
    """Order pairs by family and cut them.

    Args:
        pairs: shape (pairs, 2), distinct.
        shingles: shape (documents,), by row: what a document costs.
        limit: shingles of a task, by default :func:`shingles_per_task`; a single pair may have more.
    """
    if not len(pairs):
        return Comparisons(pairs, np.zeros(1, np.int64))
    rows, places = np.unique(pairs, return_inverse=True)
    places = places.reshape(pairs.shape)
    order = np.lexsort((pairs[:, 1], pairs[:, 0], _families(places, len(rows))[places[:, 0]]))
    tasks = np.empty(len(pairs), np.int64)
    costs = shingles[rows].astype(np.int64)
    _cut(places[order], costs, shingles_per_task(int(costs.sum())) if limit is None else limit, tasks)
    return Comparisons(pairs[order], np.searchsorted(tasks, np.arange(tasks[-1] + 2)))


@kernel
def _families(pairs: NDArray[np.int64], documents: int) -> NDArray[np.int64]:
    """The smallest member of each document's connected component (union-find with path halving)."""
    parent = np.arange(documents)
    for pair in range(len(pairs)):
        a, b = pairs[pair, 0], pairs[pair, 1]
        while parent[a] != a:
            parent[a] = parent[parent[a]]
            a = parent[a]
        while parent[b] != b:
            parent[b] = parent[parent[b]]
            b = parent[b]
        parent[max(a, b)] = min(a, b)
    for document in range(documents):
        parent[document] = parent[parent[document]]
    return parent


@kernel
def _cut(pairs: NDArray[np.int64], costs: NDArray[np.int64], limit: int, tasks: NDArray[np.int64]) -> None:
    """Number the tasks: a new one begins where a pair's texts no longer fit."""
    last = np.full(len(costs), -1, np.int64)
    task, total = np.int64(0), np.int64(0)
    for pair in range(len(pairs)):
        a, b = pairs[pair, 0], pairs[pair, 1]
        cost = (last[a] != task) * costs[a] + (last[b] != task) * costs[b]
        if total and total + cost > limit:
            task += 1
            total = np.int64(0)
            cost = costs[a] + costs[b]
        last[a] = last[b] = task
        total += cost
        tasks[pair] = task
