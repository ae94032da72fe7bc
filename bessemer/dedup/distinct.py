"""Distinct numbers by sorting: ``np.unique`` of numpy 2.4 hashes integers, which takes many times as long."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_Number = TypeVar("_Number", np.uint64, np.int64)


def distinct(values: NDArray[_Number]) -> NDArray[_Number]:
    """The distinct values of a one-dimensional array, ascending."""
    ordered = np.sort(values)
    return ordered[np.append(True, ordered[1:] != ordered[:-1])] if len(ordered) else ordered
