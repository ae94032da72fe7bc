"""The commands that deal with the line as a whole: run, plan, report, and the lock of the sources."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.markup import escape

from bessemer.config.load import load_params, load_runtime
from bessemer.config.runtime import Runtime
from bessemer.errors import ConfigError
from flows.closing import closing_table
from flows.dependencies import require_declared, require_stages
from flows.display import Display
from flows.duplicates import dedup_forecast
from flows.graph import Graph, read_graph, read_graph_and_changes
from flows.pins import update_lock
from flows.runner import Limits, Outcome, StageResult, run_stage
from flows.runs import Run, checkout_lock, latest_run, read_facts
from flows.schedule import Forecast, PlannedStage, exit_code, plan, run_line
from flows.training_plan import Supposed, training_forecast
from flows.versions import update_versions, with_stale

SHOWN_CHANGES = 6
"""Changes of one stage that a plan lists; the rest is a count."""


def run_command(root: Path, stages: Sequence[str], console: Console) -> int:
    """``bessemer run``: check the configuration, lock the sources, run what is stale, report; the exit class.

    Raises:
        ConfigError: the parameters, the runtime settings or the names of the stages cannot be used.
        DataError: a source is missing.
        TryAgain: another run holds the checkout.
    """
    params, runtime = load_params(root), load_runtime(root)
    with checkout_lock(root):
        update_lock(root, params.sources, runtime.cache_dir, console)
        update_versions(root, console)
        graph, changes = read_graph_and_changes(root)
        require_declared(params, graph)
        require_stages(runtime, graph)
        planned = plan(graph, changes, graph.select(stages))
        run = Run.create(root)
        results = run_planned(run, graph, planned, runtime, console)
        code = exit_code(results)
        run.write(results, code)
    page = write_overall_report(root, run.name)
    closing_table(root, results, console)
    console.print(f"report: {escape(str(page))}", soft_wrap=True)
    return code


def run_planned(
    run: Run, graph: Graph, planned: Sequence[PlannedStage], runtime: Runtime, console: Console
) -> list[StageResult]:
    """Run a plan under the eyes of a :class:`Display`; an interrupt ends the running stages within their grace."""
    stop = threading.Event()
    run.write([], None)
    with (
        stop_on_signals(stop, console),
        Display([item.stage for item in planned], run.folder, console) as display,
        ThreadPoolExecutor(max_workers=len(planned), thread_name_prefix="stage") as pool,
    ):

        def launch(item: PlannedStage, known: StageResult | None, workers: int) -> Future[StageResult]:
            if known is None:
                return pool.submit(work, item, workers)
            display.finished(known)
            told: Future[StageResult] = Future()
            told.set_result(known)
            return told

        def work(item: PlannedStage, workers: int) -> StageResult:
            display.started(item.stage)
            result = run_stage(
                item.stage,
                root=run.root,
                run_folder=run.folder,
                limits=Limits(runtime.grace_s, runtime.deadlines_s.get(item.stage), workers),
                stop=stop,
                tick=partial(display.tick, item.stage),
            )
            result = with_reason(result, item)
            display.finished(result)
            return result

        side_by_side, workers = runtime.parallel_stages, runtime.resolved_workers
        return run_line(graph, planned, launch, stop, side_by_side=side_by_side, workers=workers)


def with_reason(result: StageResult, item: PlannedStage) -> StageResult:
    """The result of a stage that ran, with the change that made it run."""
    return replace(result, message=item.why) if result.outcome in (Outcome.RAN, Outcome.RESTORED) else result


def write_overall_report(root: Path, name: str) -> Path:
    """Write the page of a run; its place, relative to ``root``.

    Raises:
        ConfigError: there is no such run.
    """
    from bessemer.reporting.overall import render_overall_page
    from bessemer.reporting.states import StageState

    results = read_facts(root, name)["stages"]
    states = [StageState(item["stage"], item["outcome"], item["message"], item["seconds"]) for item in results]
    edges = [(upper, node.name) for node in read_graph(root) for upper in sorted(node.upstream)]
    page = render_overall_page(root, name, states, edges)
    return page.relative_to(root) if page.is_relative_to(root) else page


@contextmanager
def stop_on_signals(stop: threading.Event, console: Console) -> Iterator[None]:
    """Set ``stop`` on SIGINT and SIGTERM, instead of being interrupted by them."""

    def ask(number: int, frame: FrameType | None) -> None:
        del number, frame
        if not stop.is_set():
            stop.set()
            console.print("stopping: the running stages may finish a checkpoint first", style="yellow")

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def plan_command(
    root: Path, stages: Sequence[str], console: Console, *, as_json: bool, supposed: Supposed | None = None
) -> int:
    """``bessemer plan``: always 0 when the question could be answered.

    Of ``dedup`` or ``pretrain`` alone it also says what it takes; of the latter on the hardware that is ``supposed``.

    Raises:
        ConfigError: as for :func:`run_command`; dedup does not fit this machine; what is supposed is no hardware.
    """
    supposed = supposed or Supposed()
    if not supposed.empty and tuple(stages) != ("pretrain",):
        raise ConfigError("hardware is only for `bessemer plan pretrain`; leave the options out, or name that stage.")
    params = load_params(root)
    graph, changes = read_graph_and_changes(root)
    require_declared(params, graph)
    planned = plan(graph, with_stale(changes, root), graph.select(stages))
    if as_json:
        print(json.dumps([planned_as_json(item) for item in planned], indent=1, ensure_ascii=False))
        return 0
    width = max(len(item.stage) for item in planned)
    for item in planned:
        style = {Forecast.RUN: "bold", Forecast.MAYBE: "yellow", Forecast.CACHED: "dim"}[item.forecast]
        head = f"[{style}]{item.stage:<{width}}  {item.forecast.value:<10}[/]"
        lines = [str(change) for change in item.changes[:SHOWN_CHANGES]] or [item.why]
        for position, line in enumerate(lines):
            console.print(f"{head if position == 0 else ' ' * (width + 12)}  {escape(line)}".rstrip(), soft_wrap=True)
        if len(item.changes) > SHOWN_CHANGES:
            console.print(f"{'':<{width + 12}}  and {len(item.changes) - SHOWN_CHANGES} more")
    counts = {forecast: sum(item.forecast is forecast for item in planned) for forecast in Forecast}
    console.print(", ".join(f"{count} {forecast.value}" for forecast, count in counts.items() if count))
    if tuple(stages) == ("dedup",):
        console.print(dedup_forecast(root), markup=False, soft_wrap=True)
    if tuple(stages) == ("pretrain",):
        console.print(training_forecast(params, supposed), markup=False, soft_wrap=True)
    return 0


def planned_as_json(item: PlannedStage) -> dict[str, object]:
    """A planned stage with plain values."""
    return {
        "stage": item.stage,
        "forecast": item.forecast.value,
        "changes": [dict(change.__dict__) for change in item.changes],
        "after": list(item.after),
    }


def report_command(root: Path, name: str | None, console: Console) -> int:
    """``bessemer report``.

    Raises:
        ConfigError: there is no such run.
    """
    chosen = name or latest_run(root)
    read_facts(root, chosen)
    console.print(escape(str(write_overall_report(root, chosen))), soft_wrap=True)
    return 0


def lock_command(root: Path, console: Console, *, refresh: bool) -> int:
    """``bessemer sources lock``.

    Raises:
        ConfigError: the parameters cannot be used.
        DataError: a source is missing.
    """
    params, runtime = load_params(root), load_runtime(root)
    update_lock(root, params.sources, runtime.cache_dir, console, refresh=refresh)
    return 0
