"""Order, skipping and stopping of a line, with stages that are functions."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import pytest

from flows.graph import Change, Graph, StageNode
from flows.runner import Outcome, StageResult
from flows.schedule import Forecast, PlannedStage, Shares, every_stage, exit_code, plan, run_line

EDGES = {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"], "e": ["c"]}
CHANGED = (Change("parameter", "a.x", "changed from 1 to 2"),)


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
) -> tuple[dict[str, Outcome], list[StageResult], list[str]]:
    """Outcomes, results, and the order of events: ``+`` for a process that starts, ``-`` for a stage that has ended."""
    events: list[str] = []
    planned = plan(graph(), {"a": CHANGED} if changes is None else changes, list(EDGES))

    def work(item: PlannedStage, known: StageResult | None, workers: int) -> StageResult:
        if known is None:
            events.append(f"+{item.stage}")
        result = known or execute(item.stage)
        events.append(f"-{item.stage}")
        return result

    with ThreadPoolExecutor(max_workers=len(EDGES)) as pool:
        chosen = stop or threading.Event()
        results = run_line(graph(), planned, partial(pool.submit, work), chosen, side_by_side=side_by_side)
    return {result.stage: result.outcome for result in results}, results, events


@pytest.mark.parametrize("side_by_side", [1, 2, 5])
def test_no_stage_starts_before_what_it_reads_has_ended(side_by_side: int) -> None:
    outcomes, _, events = run(lambda name: StageResult(name, Outcome.RAN), side_by_side=side_by_side)
    assert set(outcomes.values()) == {Outcome.RAN}
    for name, upstream in EDGES.items():
        for other in upstream:
            assert events.index(f"-{other}") < events.index(f"+{name}")


def test_two_independent_stages_run_at_the_same_time_when_allowed() -> None:
    meeting = threading.Barrier(2, timeout=30)

    def execute(name: str) -> StageResult:
        if name in "bc":
            meeting.wait()
        return StageResult(name, Outcome.RAN)

    outcomes, _, _ = run(execute, side_by_side=2)
    assert set(outcomes.values()) == {Outcome.RAN}


@pytest.mark.parametrize(("workers", "expected"), [(8, [4, 4, 4]), (5, [2, 3, 2]), (1, [1, 1, 1])])
def test_stages_that_run_side_by_side_share_the_workers(workers: int, expected: list[int]) -> None:
    first, second, third = (PlannedStage(name, Forecast.RUN) for name in "bce")
    shares = Shares(2, workers)
    assert shares.deal([first, second, third]) == [(first, expected[0]), (second, expected[1])]
    assert shares.deal([third]) == [], "two are running"
    shares.take_back("b")
    assert shares.deal([third]) == [(third, expected[2])], "what the one that ended has left"
    shares.take_back("c")
    shares.take_back("e")
    assert shares.deal([first]) == [(first, workers)], "alone it has all of them"


def test_a_stage_that_needs_no_process_leaves_its_workers_to_the_others() -> None:
    given = {}

    def launch(item: PlannedStage, known: StageResult | None, workers: int) -> Future[StageResult]:
        given[item.stage] = workers
        ended: Future[StageResult] = Future()
        ended.set_result(known or StageResult(item.stage, Outcome.RAN))
        return ended

    planned = plan(graph(), {"d": CHANGED, "e": CHANGED}, list(EDGES))
    run_line(graph(), planned, launch, threading.Event(), side_by_side=2, workers=6)
    assert given == {"a": 0, "b": 0, "c": 0, "d": 3, "e": 3}


def test_a_full_run_starts_every_stage_and_says_that_it_was_asked_to() -> None:
    planned = plan(graph(), every_stage(graph(), {"a": CHANGED}), list(EDGES))
    assert {item.forecast for item in planned} == {Forecast.RUN}
    assert planned[0].why == "a.x changed from 1 to 2, and 1 more"
    assert planned[1].why == "every stage was to run"
    outcomes, _, events = run(
        lambda name: StageResult(name, Outcome.RAN), changes=dict(every_stage(graph(), {})), side_by_side=2
    )
    assert len([event for event in events if event.startswith("+")]) == len(EDGES)
    assert set(outcomes.values()) == {Outcome.RAN}


def test_nothing_changed_starts_no_process() -> None:
    outcomes, results, events = run(lambda name: pytest.fail(f"{name} was started"), changes={})
    assert set(outcomes.values()) == {Outcome.CACHED}
    assert exit_code(results) == 0
    assert not [event for event in events if event.startswith("+")]


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

    outcomes, results, events = run(execute, stop=stop)
    assert [event for event in events if event.startswith("+")] == ["+a"]
    assert set(outcomes.values()) == {Outcome.CANCELLED, Outcome.SKIPPED}
    assert exit_code(results) == 75


def test_an_interrupted_line_ends_its_stages_before_it_ends() -> None:
    stop = threading.Event()
    ended = []

    def launch(item: PlannedStage, known: StageResult | None, workers: int) -> Future[StageResult]:
        if item.stage == "c":
            raise KeyboardInterrupt

        def work() -> StageResult:
            if item.stage == "b":
                assert stop.wait(30)
                ended.append(item.stage)
            return StageResult(item.stage, Outcome.RAN)

        return pool.submit(work)

    planned = plan(graph(), {"a": CHANGED}, list(EDGES))
    with ThreadPoolExecutor(max_workers=2) as pool, pytest.raises(KeyboardInterrupt):
        run_line(graph(), planned, launch, stop, side_by_side=2)
    assert ended == ["b"]


def test_an_input_that_a_waiting_stage_will_write_is_no_reason_of_its_own() -> None:
    changes = {"a": CHANGED, "b": (Change("input", "data/a/part.txt", "has changed"),)}
    planned = {item.stage: item for item in plan(graph(), changes, list(EDGES))}
    assert planned["a"].forecast is Forecast.RUN
    assert planned["b"].forecast is Forecast.MAYBE
    assert planned["b"].changes == ()
    assert planned["d"].after == ("b", "c")
