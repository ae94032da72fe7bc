"""One loop in a process of its own, so that its memory is its own: does what it is asked for through a pipe."""

import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

import torch

from benchmarks.train_loops import Loop, Task, huggingface_style, nanogpt_style, ours
from bessemer.config.pretrain import PretrainParams
from bessemer.training.execution import peak_memory

NOT_COUNTED = 3
"""First steps, which compile and fill caches. They train like all others."""


def serve(asked: Mapping[str, Any], pipe: Connection) -> None:
    """Build a loop, and answer until the other end of the pipe is closed.

    ``first steps`` and ``step`` are answered with the seconds that they took, ``results`` with what all of it came to.

    Args:
        asked: ``system``, and what :class:`benchmarks.train_loops.Task` is made of.
        pipe: to the process that asks.
    """
    torch.manual_seed(0)
    task = Task(
        PretrainParams.model_validate(asked["params"]),
        asked["vocabulary"],
        Path(asked["tokens"]),
        torch.device(asked["device"]),
        asked["compile"],
    )
    loop = _build(asked["system"], task)
    first_s, times = 0.0, []
    while True:
        try:
            question = pipe.recv()
        except EOFError:
            return
        if question == "first steps":
            first_s = sum(_timed(loop) for _ in range(NOT_COUNTED))
            pipe.send(first_s)
        elif question == "step":
            times.append(_timed(loop))
            pipe.send(times[-1])
        else:
            pipe.send(_results(loop, task, first_s, times))


def _build(system: str, task: Task) -> Loop:
    if system.startswith("ours"):
        return ours(task, "muon" if "Muon" in system else "adamw")
    return nanogpt_style(task) if system.startswith("nanoGPT") else huggingface_style(task)


def _timed(loop: Loop) -> float:
    before = time.perf_counter()
    loop.step()
    return time.perf_counter() - before


def _results(loop: Loop, task: Task, first_s: float, times: list[float]) -> dict[str, Any]:
    memory = peak_memory(task.device)
    return {
        "tokens_per_s": task.params.batch_tokens / median(times),
        "steps": len(times) + NOT_COUNTED,
        "first_s": first_s,
        "memory_mb": memory / 1e6,
        "held_out": loop.held_out(),
        "parameters": loop.parameters,
        "threads": torch.get_num_threads(),
    }
