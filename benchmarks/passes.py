"""Systems that do their whole work again and again, in turn on one core: served, timed, set beside each other."""

import gc
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.workers import Worker


def serve_passes(work: Callable[[], int], tell: Callable[[], Mapping[str, str]]) -> None:
    """Answer on standard output until standard input ends.

    Args:
        work: does all of it once, and says how many documents that were; asked for by ``{"do": "pass"}``, answered by
            documents and seconds (CPU and wall).
        tell: what came out, by document; asked for by ``{"do": "tell"}``, answered by ``told``.
    """
    answers = sys.stdout
    sys.stdout = sys.stderr  # what a library prints is no answer
    for line in sys.stdin:
        answer: dict[str, Any] = _timed(work) if json.loads(line)["do"] == "pass" else {"told": dict(tell())}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _timed(work: Callable[[], int]) -> dict[str, float]:
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    documents = work()
    return {"documents": documents, "cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}


@dataclass(frozen=True)
class Passes:
    """The answers of every round, by system."""

    rounds: Mapping[str, Sequence[Mapping[str, float]]]

    def per_s(self, name: str) -> float:
        """Documents a second of CPU time, median over the rounds; with one decimal, as it is printed."""
        return round(median(answer["documents"] / answer["cpu_s"] for answer in self.rounds[name]), 1)

    def per_s_by_clock(self, name: str) -> float:
        """The same a second of wall time."""
        return round(median(answer["documents"] / answer["wall_s"] for answer in self.rounds[name]), 1)

    def ratio(self, name: str, other: str) -> float | None:
        """The printed speed of ``name`` over that of ``other``; None if either is missing."""
        if name not in self.rounds or other not in self.rounds:
            return None
        return round(self.per_s(name) / self.per_s(other), 3)

    def documents(self, name: str) -> int:
        """Documents of one pass."""
        return int(self.rounds[name][0]["documents"])

    def row(self, name: str, ours: str) -> list[str]:
        """A table's row: system, speed, speed by the clock, how many times it ours is, documents."""
        ratio = self.ratio(ours, name)
        speeds = (f"{self.per_s(name):,.1f}", f"{self.per_s_by_clock(name):,.1f}")
        return [name, *speeds, "" if name == ours else f"{ratio:.3f}", f"{self.documents(name):,}"]


def measure_passes(running: Mapping[str, Worker], rounds: int) -> Passes:
    """One pass of each system that is not counted, which loads and compiles; then ``rounds`` of each, in turn."""
    for worker in running.values():
        worker.ask(do="pass")
    answers: dict[str, list[dict[str, Any]]] = {name: [] for name in running}
    for _ in range(rounds):
        for name, worker in running.items():
            answers[name].append(worker.ask(do="pass"))
    return Passes(answers)
