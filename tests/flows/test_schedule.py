"""Order, skipping and stopping of a line, with stages that are functions."""

import threading
from collections.abc import Callable

import pytest

from flows.graph import Change, Graph, StageNode
from flows.runner import Outcome, StageResult
from flows.schedule import Forecast, exit_code, plan, run_line

EDGES = {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"], "e": ["c"]}
CHANGED = (Change("parameter", "a.x", "1 → 2"),)


class Witness:
    def __init__(self) -> None:
        self.events: list[str] = []

    def started(self, stage: str) -> None:
        self.events.append(f"+{stage}")

    def tick(self, stage: str) -> None:
        raise AssertionError("functions do not tick")

    def finished(self, result: StageResult) -> None:
        self.events.append(f"-{result.stage}")


def graph() -> Graph:
    return Graph(
        StageNode(name, f"python -m stages.{name}", "", (), {}, (f"data/{name}",), frozenset(upstream), False)
        for name, upstream in EDGES.items()
    )


def run(
    execute: Callable[[str], StageResult],
    changes: dict[str, tuple[Change, ...]] | None = None,
    side_by_side: int = 1,
    stop: threading.Event | None = None,
) -> tuple[dict[str, Outcome], list[StageResult], Witness]:
    witness = Witness()
    planned = plan(graph(), {"a": CHANGED} if changes is None else changes, list(EDGES))
    results = run_line(graph(), planned, execute, witness, stop or threading.Event(), side_by_side=side_by_side)
    return {result.stage: result.outcome for result in results}, results, witness


@pytest.mark.parametrize("side_by_side", [1, 2, 5])
def test_no_stage_starts_before_what_it_reads_has_ended(side_by_side: int) -> None:
    outcomes, _, witness = run(lambda name: StageResult(name, Outcome.RAN), side_by_side=side_by_side)
    assert set(outcomes.values()) == {Outcome.RAN}
    for name, upstream in EDGES.items():
        for other in upstream:
            assert witness.events.index(f"-{other}") < witness.events.index(f"+{name}")


def test_two_independent_stages_run_at_the_same_time_when_allowed() -> None:
    meeting = threading.Barrier(2, timeout=30)

    def execute(name: str) -> StageResult:
        if name in "bc":
            meeting.wait()
        return StageResult(name, Outcome.RAN)

    outcomes, _, _ = run(execute, side_by_side=2)
    assert set(outcomes.values()) == {Outcome.RAN}


def test_nothing_changed_starts_no_process() -> None:
    outcomes, results, witness = run(lambda name: pytest.fail(f"{name} was started"), changes={})
    assert set(outcomes.values()) == {Outcome.CACHED}
    assert exit_code(results) == 0
    assert not [event for event in witness.events if event.startswith("+")]


def test_an_upstream_that_wrote_the_same_bytes_does_not_run_the_rest_by_itself() -> None:
    asked = []

    def execute(name: str) -> StageResult:
        asked.append(name)
        return StageResult(name, Outcome.RAN if name == "a" else Outcome.CACHED)

    outcomes, _, _ = run(execute)
    assert asked == ["a", "b", "c"], "d and e follow stages that turned out to be cached"
    assert outcomes["d"] is Outcome.CACHED


def test_a_failure_skips_its_descendants_and_no_one_else() -> None:
    def execute(name: str) -> StageResult:
        if name == "b":
            return StageResult(name, Outcome.GATE_FAILED, 3, message="too little is left")
        return StageResult(name, Outcome.RAN)

    outcomes, results, _ = run(execute)
    assert outcomes == {
        "a": Outcome.RAN,
        "b": Outcome.GATE_FAILED,
        "c": Outcome.RAN,
        "d": Outcome.SKIPPED,
        "e": Outcome.RAN,
    }
    assert exit_code(results) == 3
    assert results[3].message == "needs b, which did not pass"


def test_after_a_stop_nothing_new_starts() -> None:
    stop = threading.Event()

    def execute(name: str) -> StageResult:
        stop.set()
        return StageResult(name, Outcome.CANCELLED, 75)

    outcomes, results, witness = run(execute, stop=stop)
    assert [event for event in witness.events if event.startswith("+")] == ["+a"]
    assert set(outcomes.values()) == {Outcome.CANCELLED, Outcome.SKIPPED}
    assert exit_code(results) == 75


def test_an_input_that_a_waiting_stage_will_write_is_no_reason_of_its_own() -> None:
    changes = {"a": CHANGED, "b": (Change("input", "data/a/part.txt", "has changed"),)}
    planned = {item.stage: item for item in plan(graph(), changes, list(EDGES))}
    assert planned["a"].forecast is Forecast.RUN
    assert planned["b"].forecast is Forecast.MAYBE
    assert planned["b"].changes == ()
    assert planned["d"].after == ("b", "c")
