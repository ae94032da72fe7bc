"""Run a selection of stages, each as soon as what it reads is there, and say what became of every one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from enum import StrEnum

from flows.graph import Change, Graph
from flows.runner import Outcome, StageResult


class Forecast(StrEnum):
    """What a plan says of a stage before anything has run."""

    RUN = "will run"
    MAYBE = "may run"  # something before it will run; if that writes the same bytes, it will not
    CACHED = "up to date"


@dataclass(frozen=True)
class PlannedStage:
    """A stage of a plan and why it would run; ``after`` names the stages that it waits to hear from."""

    stage: str
    forecast: Forecast
    changes: tuple[Change, ...] = ()
    after: tuple[str, ...] = ()
    matches: bool = False
    """Whether what is on disk now is what dvc.lock says; then unchanged upstream stages mean that nothing is to do."""

    @property
    def why(self) -> str:
        """A clause that goes after "because": the first change, or the stages before it whose outputs it reads."""
        if self.changes:
            more = f", and {len(self.changes) - 1} more" if len(self.changes) > 1 else ""
            return f"{self.changes[0]}{more}"
        return f"it reads what {' and '.join(self.after)} writes" if self.after else ""


Launch = Callable[[PlannedStage, StageResult | None, int], Future[StageResult]]
"""Begins a stage with that many workers; given a result, the stage needs no process and that is what is to be told."""


def every_stage(graph: Graph, changes: Mapping[str, Sequence[Change]]) -> dict[str, Sequence[Change]]:
    """``changes``, and for every stage that it was asked for: then all of them run, whether anything changed or not."""
    asked = Change("always", "", "every stage was to run")
    return {name: [*changes.get(name, ()), asked] for name in graph.stages}


def plan(graph: Graph, changes: Mapping[str, Sequence[Change]], selection: Sequence[str]) -> list[PlannedStage]:
    """What would run, in order. An input that only a stage before it will write is not counted as a change."""
    planned: dict[str, PlannedStage] = {}
    for name in selection:
        node = graph[name]
        waits = tuple(
            other for other in selection if other in node.upstream and planned[other].forecast is not Forecast.CACHED
        )
        produced = [output for other in waits for output in graph[other].outputs]
        own = tuple(change for change in changes.get(name, ()) if not _is_produced(change, produced))
        forecast = Forecast.RUN if own else Forecast.MAYBE if waits else Forecast.CACHED
        planned[name] = PlannedStage(name, forecast, own, waits, matches=not changes.get(name))
    return list(planned.values())


def _is_produced(change: Change, produced: Sequence[str]) -> bool:
    return change.kind == "input" and any(
        change.subject == output or change.subject.startswith(f"{output}/") for output in produced
    )


def run_line(
    graph: Graph,
    planned: Sequence[PlannedStage],
    launch: Launch,
    stop: threading.Event,
    *,
    side_by_side: int = 1,
    workers: int = 1,
) -> list[StageResult]:
    """Run the planned stages; independent ones side by side, up to ``side_by_side``, sharing the ``workers``.

    A stage that is up to date, and whose upstream stages turned out to be so as well, needs no process. After a
    failure its descendants are skipped and the other branches go on. When ``stop`` is set nothing new starts; when
    this call is interrupted ``stop`` is set, and it ends when the running stages have ended.

    Returns:
        One result per planned stage, in the order of the plan.
    """
    results: dict[str, StageResult] = {}
    running: dict[Future[StageResult], str] = {}
    waiting = {item.stage: item for item in planned}
    shares = Shares(side_by_side, workers)
    try:
        while waiting or running:
            open_ends = {*waiting, *running.values()}
            ready = [item for item in waiting.values() if not graph[item.stage].upstream & open_ends]
            known = {item.stage: _without_process(item, _results_of(graph, item, results), stop) for item in ready}
            told = [item for item in ready if known[item.stage] is not None]
            # What needs no process is told first: it may set free what is to share the workers with the others.
            for item, share in [(item, 0) for item in told] or shares.deal(ready):
                del waiting[item.stage]
                running[launch(item, known[item.stage], share)] = item.stage
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in [future for future in running if future in done]:
                name = running.pop(future)
                shares.take_back(name)
                results[name] = future.result()
    except BaseException:
        stop.set()
        wait(running)
        raise
    return [results[item.stage] for item in planned]


class Shares:
    """How many stages run side by side, and how many workers each of them has."""

    def __init__(self, side_by_side: int, workers: int) -> None:
        self._side_by_side, self._workers = side_by_side, workers
        self._dealt: dict[str, int] = {}

    def deal(self, ready: Sequence[PlannedStage]) -> list[tuple[PlannedStage, int]]:
        """Those of the ready stages that may start now, and what each gets of the free workers: one at least."""
        chosen = ready[: self._side_by_side - len(self._dealt)]
        free = self._workers - sum(self._dealt.values())
        for place, item in enumerate(chosen):
            share = max(1, free // (len(chosen) - place))
            free -= share
            self._dealt[item.stage] = share
        return [(item, self._dealt[item.stage]) for item in chosen]

    def take_back(self, stage: str) -> None:
        """A stage has ended; one that had no process had no share."""
        self._dealt.pop(stage, None)


def _results_of(graph: Graph, item: PlannedStage, results: Mapping[str, StageResult]) -> list[StageResult]:
    """Results of the stages that a stage depends on, as far as they are part of the run, in the order of the line."""
    return [results[other] for other in graph.stages if other in graph[item.stage].upstream and other in results]


def _without_process(item: PlannedStage, upstream: Sequence[StageResult], stop: threading.Event) -> StageResult | None:
    """The result of a stage for which no process need be started, or None."""
    broken = [result for result in upstream if not result.outcome.succeeded]
    if broken:
        cause = broken[0]
        reason = cause.message if cause.outcome is Outcome.SKIPPED else f"needs {cause.stage}, which {_said(cause)}"
        return StageResult(item.stage, Outcome.SKIPPED, message=reason)
    if stop.is_set():
        return StageResult(item.stage, Outcome.SKIPPED, message="the run was stopped before it")
    if item.matches and all(result.outcome is Outcome.CACHED for result in upstream):
        return StageResult(item.stage, Outcome.CACHED)
    return None


def _said(result: StageResult) -> str:
    return {
        Outcome.GATE_FAILED: "did not pass",
        Outcome.TIMED_OUT: "ran out of time",
        Outcome.CANCELLED: "was stopped",
    }.get(result.outcome, "failed")


def exit_code(results: Sequence[StageResult]) -> int:
    """Exit class of a run: that of the first stage, in order, that did not succeed."""
    return next((result.exit_code for result in results if result.exit_code), 0)
