"""Whose turn it is: a cycle of turns in which each of several has its exact share of every beginning."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from fractions import Fraction
from math import gcd, lcm

import numpy as np
import xxhash
from numpy.typing import NDArray

from bessemer.errors import ConfigError

LONGEST = 100_000
"""Turns of a cycle that are kept: 500 kB."""


class Cycle:
    """Turns in proportion to weights, repeated for ever.

    Of the first *k* turns each name has its share to within less than one, for every *k*. Turn *k* is found in a table
    of one cycle, whose length is the sum of the weights written as the smallest whole numbers: 0.7 and 0.3 make 10.

    Each name is a task with as many jobs a cycle as it has turns; job *j* of a name with the share *w* may be done from
    ``floor(j / w)`` on and must be done before ``ceil((j + 1) / w)``. Of jobs of unit length in whole slots, doing the
    one with the earliest deadline meets all deadlines if any order does, and for shares that sum to one, one does
    (Baruah, Cohen, Plaxton and Varvel 1996, "Proportionate Progress").
    """

    def __init__(self, weights: Mapping[str, float], seed: int) -> None:
        """Lay out a cycle.

        Args:
            weights: of each name, not negative, their decimals taken as they are written; those without are left out.
            seed: by which names are ordered whose turns fall due together.

        Raises:
            ConfigError: the cycle would be longer than :data:`LONGEST`.
        """
        given = {name: Fraction(repr(float(weight))) for name, weight in weights.items() if weight > 0}
        scale = lcm(*(weight.denominator for weight in given.values()))
        whole = {name: int(weight * scale) for name, weight in given.items()}
        divisor = gcd(*whole.values())
        self.names = sorted(given, key=lambda name: xxhash.xxh3_64_intdigest(name.encode(), seed=seed))
        turns = [whole[name] // divisor for name in self.names]
        self.length = sum(turns)
        if self.length > LONGEST:
            raise ConfigError(
                f"params.yaml: pretrain.mixture: the weights of {', '.join(sorted(given))} make a cycle of "
                f"{self.length:,} samples, more than {LONGEST:,}; give them with fewer digits."
            )
        self.turns = np.array(turns, dtype=np.int64)
        self._table = np.array(_turns(turns), dtype=np.int64)
        self._before = np.zeros(self.length, dtype=np.int64)
        for number in range(len(self.names)):
            mine = self._table == number
            self._before[mine] = np.arange(np.count_nonzero(mine))

    def turn(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Whose turns these are, as indexes of ``names``, and how many turns they had before; shapes as ``numbers``."""
        rounds, slots = np.divmod(numbers, self.length)
        whose = self._table[slots]
        return whose, rounds * self.turns[whose] + self._before[slots]

    def taken(self, count: int) -> NDArray[np.int64]:
        """How many of the first ``count`` turns each name has, in the order of ``names``."""
        rounds, slots = divmod(count, self.length)
        return rounds * self.turns + np.bincount(self._table[:slots], minlength=len(self.names))


def _turns(counts: list[int]) -> list[int]:
    """The order of one cycle, earliest deadline first."""
    length = sum(counts)
    released: list[list[tuple[int, int]]] = [[] for _ in range(length)]
    for number, count in enumerate(counts):
        for job in range(count):
            released[job * length // count].append((-(-(job + 1) * length // count), number))
    due: list[tuple[int, int]] = []
    order = []
    for jobs in released:
        for deadline in jobs:
            heapq.heappush(due, deadline)
        order.append(heapq.heappop(due)[1])
    return order
