"""The line as a Prefect flow: one task per stage of dvc.yaml, so that the two can never drift.

Prefect shows, schedules and cancels; DVC alone decides what has to run, so Prefect's own caching is off. A stage is a
process group of its own (:mod:`flows.runner`): cancelling in the UI ends it, with a checkpoint, within its grace time.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_link_artifact, create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun, TaskRunResult
from prefect.futures import PrefectFuture
from prefect.states import Cancelled, Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.tasks import Task
from rich.console import Console

from bessemer.config.load import load_params, load_runtime
from bessemer.config.runtime import Runtime
from bessemer.errors import BessemerError, TryAgain
from flows.artifacts import artifact_key, because, line_markdown, page_link, stage_markdown
from flows.attached import end_with_server_of_deployments
from flows.dependencies import require_declared, require_stages
from flows.experiments import save_experiment
from flows.following import UNREACHABLE, Follower
from flows.graph import Graph, StageNode, read_graph_and_changes
from flows.line import with_reason, write_overall_report
from flows.pins import update_lock
from flows.runner import Limits, Outcome, StageResult, run_stage
from flows.runs import Run, checkout_lock
from flows.schedule import PlannedStage, every_stage, exit_code, plan, run_line
from flows.versions import update_versions

FLOW = "bessemer"
RETRY_DELAY_S = 30
_FAILED_NAMES = {2: "ConfigError", 3: "GateFailed", 4: "DataError", TryAgain.exit_code: "TryAgain"}

Body = Callable[[StageResult | None, int], State[Any]]
"""What a task does, given what is known of its stage without a process, and its workers if it needs one."""


@flow(name=FLOW, persist_result=False, validate_parameters=True)
def line(
    stages: list[str] | None = None, *, refresh: bool = False, force: bool = False, record: bool = False
) -> State[Any]:
    """Raw text in, evaluated language model out: every stage of dvc.yaml that has something to do.

    Args:
        stages: Run up to these stages; all without any.
        refresh: Read every source file again and ask remote sources anew before it is decided what has changed.
        force: Run every stage, whether anything has changed or not.
        record: Keep what came out as a DVC experiment with the name of the run; no branch gets a commit.
    """
    root = Path()
    with ExitStack() as held:
        try:
            params, runtime = load_params(root), load_runtime(root)
            end_with_server_of_deployments(runtime.grace_s)
            held.enter_context(checkout_lock(root))
            update_lock(root, params.sources, runtime.cache_dir, Console(highlight=False), refresh=refresh)
            update_versions(root, Console(highlight=False))
            graph, changes = read_graph_and_changes(root)
            require_declared(params, graph)
            require_stages(runtime, graph)
            planned = plan(graph, every_stage(graph, changes) if force else changes, graph.select(stages or ()))
        except TryAgain as busy:
            return Cancelled(name="Busy", message=str(busy))
        except BessemerError as error:
            return Failed(name=_FAILED_NAMES.get(error.exit_code, "Failed"), message=str(error))
        return LineRun(root, graph, runtime, force=force, record=record).run(planned)


def stage_tasks(nodes: Sequence[StageNode], body: Callable[[StageNode], Body]) -> dict[str, Task[..., State[Any]]]:
    """One task per stage; name, description, tags and retries come from dvc.yaml (``desc``, ``meta.prefect``)."""
    return {node.name: _stage_task(node, body(node)) for node in nodes}


def final_state(result: StageResult) -> State[Any]:
    """A stage's result as the state that Prefect shows."""
    match result.outcome:
        case Outcome.CACHED | Outcome.RESTORED:
            return Completed(name=result.outcome.value.capitalize(), message=because(result) or None)
        case Outcome.RAN:
            return Completed(message=because(result) or None)
        case Outcome.SKIPPED:
            return Cancelled(name="Skipped", message=result.message)
        case Outcome.CANCELLED:
            return Cancelled(message=result.message)
        case Outcome.TIMED_OUT:
            return Failed(name="TimedOut", message=result.message)
        case _:
            return Failed(name=_FAILED_NAMES.get(result.exit_code, "Failed"), message=result.message)


class LineRun:
    """One run of the line under Prefect."""

    def __init__(
        self, root: Path, graph: Graph, runtime: Runtime, *, force: bool = False, record: bool = False
    ) -> None:
        self._root, self._graph, self._runtime = root, graph, runtime
        self._force, self._record = force, record
        self._run = Run.create(root)
        self._stop = threading.Event()
        self._results: dict[str, StageResult] = {}
        self._items: dict[str, PlannedStage] = {}
        self._futures: dict[str, PrefectFuture[Any]] = {}
        self._tasks = stage_tasks(list(graph), self._body)
        self._runner: ThreadPoolTaskRunner[Any] = ThreadPoolTaskRunner(max_workers=len(graph))

    def run(self, planned: Sequence[PlannedStage]) -> State[Any]:
        """Run the plan, publish the run's artifacts, and say how it ended."""
        self._items = {item.stage: item for item in planned}
        self._run.write([], None)
        try:
            with self._runner:
                results = run_line(
                    self._graph,
                    planned,
                    self._launch,
                    self._stop,
                    side_by_side=self._runtime.parallel_stages,
                    workers=self._runtime.resolved_workers,
                )
        except BaseException as error:
            ended = [self._results[name] for name in self._items if name in self._results]
            self._run.write(ended, 1 if isinstance(error, Exception) else TryAgain.exit_code)
            raise
        self._run.write(results, exit_code(results))
        page = write_overall_report(self._root, self._run.name)
        if self._record:
            get_run_logger().info(save_experiment(self._root, self._run.name, results))
        text = line_markdown(self._root, self._run.name, self._graph, results, page)
        _publish(partial(create_markdown_artifact, text, key="line", description=f"Run {self._run.name}"))
        if link := page_link(self._run.name, "index"):
            _publish(partial(create_link_artifact, link, link_text=f"Page of run {self._run.name}", key="page"))
        return _state_of_line(results)

    def _launch(self, item: PlannedStage, known: StageResult | None, workers: int) -> Future[StageResult]:
        """Submit the stage's task; the edges that Prefect draws are those of the line, also from skipped stages."""
        upstream = [self._futures[name] for name in self._graph.direct(item.stage) if name in self._futures]
        dependencies: dict[str, set[Any]] = {"known": {TaskRunResult(id=future.task_run_id) for future in upstream}}
        future = self._runner.submit(
            self._tasks[item.stage], {"known": known, "workers": workers}, dependencies=dependencies
        )
        self._futures[item.stage] = future
        ended: Future[StageResult] = Future()
        future.wrapped_future.add_done_callback(lambda done: self._settle(item.stage, done, ended))
        return ended

    def _settle(self, stage: str, done: Future[Any], ended: Future[StageResult]) -> None:
        """Tell the scheduler how the stage ended; called once, after the last retry."""
        error = done.exception()
        if error is not None:
            ended.set_exception(error)
            return
        result = self._results.get(stage)
        if result is None:
            state = done.result()
            message = f"Prefect ended the task as {state.name}: {state.message or 'no reason given'}"
            result = self._results[stage] = StageResult(stage, Outcome.FAILED, 1, message=message)
        ended.set_result(result)

    def _body(self, node: StageNode) -> Body:
        def work(known: StageResult | None, workers: int) -> State[Any]:
            result = known or with_reason(self._execute(node, workers), self._items[node.name])
            self._results[node.name] = result
            if result.outcome not in (Outcome.CACHED, Outcome.SKIPPED, Outcome.CANCELLED):
                text = stage_markdown(self._root, self._run.name, result)
                key, about = artifact_key(node.name), node.description or None
                _publish(partial(create_markdown_artifact, text, key=key, description=about))
            return final_state(result)

        return work

    def _execute(self, node: StageNode, workers: int) -> StageResult:
        if self._stop.is_set():
            message = f"{node.name} was to be tried again when the run was stopped."
            return StageResult(node.name, Outcome.CANCELLED, TryAgain.exit_code, message=message)
        follower = Follower(self._run.folder, node.name, get_run_logger())
        limits = Limits(self._runtime.grace_s, self._runtime.deadlines_s.get(node.name), workers)
        try:
            return run_stage(
                node.name,
                root=self._root,
                run_folder=self._run.folder,
                limits=limits,
                stop=self._stop,
                force=self._force,
                tick=follower.tick,
            )
        finally:
            follower.close()


def _stage_task(node: StageNode, body: Body) -> Task[..., State[Any]]:
    hints: Mapping[str, Any] = node.hints

    @task(
        name=node.name,
        task_run_name=node.name,
        description=node.description or None,
        tags=hints.get("tags", []),
        retries=int(hints.get("retries", 0)),
        retry_delay_seconds=float(hints.get("retry_delay_s", RETRY_DELAY_S)),
        retry_condition_fn=_may_be_tried_again,
        cache_policy=NO_CACHE,
        persist_result=False,
    )
    def stage(known: StageResult | None, workers: int) -> State[Any]:
        return body(known, workers)

    return stage


def _publish(create: Callable[[], object]) -> None:
    """Publish an artifact; what is done stays done when the server cannot take it."""
    try:
        create()
    except UNREACHABLE as error:
        get_run_logger().warning("an artifact could not be published: %s", error)


def _may_be_tried_again(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> bool:
    """Only what says of itself that the same command continues it; a bug, a gate or bad data would fail again."""
    del task, task_run
    return state.name == "TryAgain"


def _state_of_line(results: Sequence[StageResult]) -> State[Any]:
    code = exit_code(results)
    if code:
        first = next(result for result in results if result.exit_code)
        return Failed(name=_FAILED_NAMES.get(code, "Failed"), message=f"{first.stage}: {first.message}")
    ran = [result.stage for result in results if result.outcome is Outcome.RAN]
    if not ran:
        return Completed(name="Cached", message="nothing has changed")
    return Completed(message=f"ran {', '.join(ran)}")


if __name__ == "__main__":
    ended = line(return_state=True)
    codes = {name: code for code, name in _FAILED_NAMES.items()} | {"Busy": TryAgain.exit_code}
    sys.exit(0 if ended.is_completed() else codes.get(ended.name or "", 1))
