"""Calls side by side in an executor, and the number of each as soon as it is done."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from typing import Any

Call = tuple[Callable[..., None], tuple[Any, ...]]
"""A function, and its arguments."""


def as_done(pool: Executor, calls: Mapping[int, Call]) -> Iterator[int]:
    """Make calls, and give the number of each when it has returned. What a call raises is raised; the rest is dropped.

    Args:
        pool: entered, and left afterwards, by the caller.
        calls: by number.
    """
    pending: dict[Future[None], int] = {
        pool.submit(function, *arguments): number for number, (function, arguments) in calls.items()
    }
    try:
        while pending:
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                future.result()
                yield pending.pop(future)
    except BaseException:
        pool.shutdown(cancel_futures=True)
        raise
