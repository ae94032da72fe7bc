"""A trace of a few steps by torch's profiler, in the run's folder: for chrome://tracing or Perfetto, and as a table."""

from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile, schedule

FOLDER = "profile"
_PASSED_OVER = 3
_ROWS = 40


def profiler(directory: Path, steps: int, rank: int) -> Any:
    """A context manager with ``step()``, to be told of every step; the trace is of ``steps`` after the first four.

    Args:
        directory: of the run; ``profile/`` is made in it.
        steps: to trace.
        rank: of this process, for the files' names.
    """
    folder = directory / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    on_gpu = torch.cuda.is_available()

    def write(finished: Any) -> None:
        finished.export_chrome_trace(str(folder / f"rank-{rank}.json.gz"))
        order = "self_cuda_time_total" if on_gpu else "self_cpu_time_total"
        table = finished.key_averages(group_by_input_shape=True).table(sort_by=order, row_limit=_ROWS)
        (folder / f"rank-{rank}.txt").write_text(table, encoding="utf-8")

    return profile(
        activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])],
        schedule=schedule(skip_first=_PASSED_OVER, wait=0, warmup=1, active=steps, repeat=1),
        on_trace_ready=write,
        record_shapes=True,
    )
