"""From texts in memory to MinHash signatures: all systems on one core, in turn, round after round."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.tables import Table
from benchmarks.workers import OURS, Worker

_FIRST = 20
"""Documents of the first call, which compiles and loads."""


@dataclass(frozen=True)
class Speeds:
    """The answers of every round, by system, and the wall seconds of the first call of each."""

    rounds: Mapping[str, Sequence[Mapping[str, Any]]]
    first_s: Mapping[str, float]

    def mb_per_s(self, name: str) -> float:
        """Median over the rounds, in 10^6 UTF-8 bytes a second of CPU time."""
        return median(answer["bytes"] / answer["cpu_s"] / 1e6 for answer in self.rounds[name])

    def ratio(self, name: str) -> float | None:
        """How many times a system's speed ours is: median over the rounds of the ratio of the same round."""
        if name not in self.rounds:
            return None
        pairs = zip(self.rounds[OURS], self.rounds[name], strict=True)
        return median((a["bytes"] / a["cpu_s"]) / (b["bytes"] / b["cpu_s"]) for a, b in pairs)

    def table(self) -> Table:
        """One row a system."""
        rows = []
        for name, answers in self.rounds.items():
            wall = median(answer["bytes"] / answer["wall_s"] / 1e6 for answer in answers)
            documents = median(answer["documents"] / answer["cpu_s"] for answer in answers)
            rows.append(
                [
                    name,
                    f"{self.mb_per_s(name):,.2f}",
                    f"{wall:,.2f}",
                    f"{documents:,.0f}",
                    f"{self.ratio(name):,.1f}",
                    f"{answers[0]['bytes'] / 1e6:,.1f}",
                    f"{self.first_s[name]:.1f}",
                ]
            )
        count = len(self.rounds[OURS])
        return Table(
            "Signatures",
            f"text to signature on one core, medians of {count} rounds in turn; MB are 10^6 bytes of UTF-8. Ours "
            "begins with UTF-8 bytes; the peers, and ours in its second row, with Python strings. Speeds are "
            "per second of CPU time, which other programs on the core change little, and by the clock beside it. The "
            "first call compiles or loads, and is not counted.",
            ["system", "MB/s", "MB/s by the clock", "documents/s", "ours is times", "MB a round", "first call s"],
            rows,
        )


def measure(running: Mapping[str, Worker], rounds: int, seconds: float) -> Speeds:
    """Sign in turn; every system gets as many of the same documents as it signs in about ``seconds``."""
    first = {name: worker.ask(do="sign", documents=_FIRST)["wall_s"] for name, worker in running.items()}
    counts = {name: _documents(worker, seconds) for name, worker in running.items()}
    answers: dict[str, list[dict[str, Any]]] = {name: [] for name in running}
    for _ in range(rounds):
        for name, worker in running.items():
            answers[name].append(worker.ask(do="sign", documents=counts[name]))
    return Speeds(answers, first)


def _documents(worker: Worker, seconds: float) -> int:
    count = _FIRST
    while True:
        answer = worker.ask(do="sign", documents=count)
        spent = max(answer["cpu_s"], 1e-4)
        if spent >= seconds / 4 or answer["documents"] < count:
            return max(_FIRST, int(count * seconds / spent))
        count *= 4
