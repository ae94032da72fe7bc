"""One loop in a process of its own, so that its memory is its own: answers one line of JSON.

python -m benchmarks.train_worker '{"system": "ours", "seconds": 10, …}'
"""

import json
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch

from benchmarks.train_loops import Loop, Task, huggingface_style, nanogpt_style, ours
from bessemer.config.pretrain import PretrainParams
from bessemer.training.execution import peak_memory

_NOT_COUNTED = 3


def main() -> None:
    asked: dict[str, Any] = json.loads(sys.argv[1])
    torch.manual_seed(0)
    device = torch.device(asked["device"])
    task = Task(
        PretrainParams.model_validate(asked["params"]),
        asked["vocabulary"],
        Path(asked["tokens"]),
        device,
        asked["compile"],
    )
    loop = _build(asked["system"], task)
    print(json.dumps(_train(loop, task, asked["seconds"])))


def _build(system: str, task: Task) -> Loop:
    if system.startswith("ours"):
        return ours(task, "muon" if "Muon" in system else "adamw")
    return nanogpt_style(task) if system.startswith("nanoGPT") else huggingface_style(task)


def _train(loop: Loop, task: Task, seconds: float) -> dict[str, Any]:
    """Steps for so many seconds after the first ones, which compile and fill caches; all of them train."""
    began = time.perf_counter()
    for _ in range(_NOT_COUNTED):
        loop.step()
    first_s = time.perf_counter() - began
    times: list[float] = []
    started = time.perf_counter()
    while not times or time.perf_counter() - started < seconds:
        before = time.perf_counter()
        loop.step()
        times.append(time.perf_counter() - before)
    memory = peak_memory(task.device)
    return {
        "tokens_per_s": task.params.batch_tokens / median(times),
        "steps": len(times) + _NOT_COUNTED,
        "first_s": first_s,
        "memory_mb": memory / 1e6,
        "held_out": loop.held_out(),
        "parameters": loop.parameters,
        "threads": torch.get_num_threads(),
    }


if __name__ == "__main__":
    main()
