"""The Prefect flow is the line of dvc.yaml, and its states say what DVC and the stages did."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State, StateType
from prefect.testing.utilities import prefect_test_harness

from bessemer.config.runtime import Runtime
from flows.artifacts import artifact_key, line_markdown, mermaid
from flows.graph import read_graph, read_graph_and_changes
from flows.pipeline import LineRun, final_state, stage_tasks
from flows.runner import Outcome, StageResult
from flows.schedule import plan
from flows.serve import server_settings
from tests.flows.conftest import Project

ROOT = Path(__file__).parents[2]


def test_tasks_are_the_stages_of_dvc_yaml_with_their_hints() -> None:
    graph = read_graph(ROOT)
    tasks = stage_tasks(list(graph), lambda node: lambda known: final_state(StageResult(node.name, Outcome.CACHED)))
    assert [task.name for task in tasks.values()] == list(graph.stages)
    for name, task in tasks.items():
        assert task.description == graph[name].description != ""
        assert task.retries == graph[name].hints.get("retries", 0)
        assert task.tags == set(graph[name].hints["tags"])
        assert task.persist_result is False


@pytest.mark.parametrize(
    ("result", "kind", "name"),
    [
        (StageResult("s", Outcome.RAN), StateType.COMPLETED, "Completed"),
        (StageResult("s", Outcome.CACHED), StateType.COMPLETED, "Cached"),
        (StageResult("s", Outcome.RESTORED), StateType.COMPLETED, "Restored"),
        (StageResult("s", Outcome.SKIPPED), StateType.CANCELLED, "Skipped"),
        (StageResult("s", Outcome.CANCELLED, 75), StateType.CANCELLED, "Cancelled"),
        (StageResult("s", Outcome.TIMED_OUT, 1), StateType.FAILED, "TimedOut"),
        (StageResult("s", Outcome.GATE_FAILED, 3), StateType.FAILED, "GateFailed"),
        (StageResult("s", Outcome.FAILED, 1), StateType.FAILED, "Failed"),
        (StageResult("s", Outcome.FAILED, 2), StateType.FAILED, "ConfigError"),
        (StageResult("s", Outcome.FAILED, 4), StateType.FAILED, "DataError"),
        (StageResult("s", Outcome.FAILED, 75), StateType.FAILED, "TryAgain"),
    ],
)
def test_every_outcome_has_a_state_of_its_own(result: StageResult, kind: StateType, name: str) -> None:
    state = final_state(result)
    assert (state.type, state.name) == (kind, name)


def test_artifact_keys_are_such_as_prefect_takes() -> None:
    assert all(re.fullmatch(r"[a-z0-9-]+", artifact_key(name)) for name in read_graph(ROOT).stages)


def test_the_drawing_has_every_stage_once_and_no_edge_that_follows_from_others() -> None:
    graph = read_graph(ROOT)
    text = mermaid(graph, [StageResult(name, Outcome.CACHED) for name in graph.stages])
    edges = set(re.findall(r"(\w+) --> (\w+)", text))
    assert re.findall(r"(\w+)\(\[", text) == list(graph.stages)
    assert ("ingest", "language") in edges
    assert ("check", "language") not in edges
    assert ("ingest", "curate") not in edges


def test_a_message_cannot_break_the_table(project: Project) -> None:
    graph = read_graph(project.root)
    results = [StageResult(name, Outcome.FAILED, 1, message="a | b\n<c>") for name in graph.stages]
    table = line_markdown(project.root, "now", graph, results, Path("page.html"))
    assert "| read | failed |  | a \\| b &lt;c> |" in table


def test_server_and_ui_are_told_the_same_address() -> None:
    settings = server_settings({"PREFECT_SERVER_API_PORT": "4310"})
    assert settings["PREFECT_API_URL"] == settings["PREFECT_SERVER_UI_API_URL"] == "http://127.0.0.1:4310/api"
    assert settings["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    remote = server_settings({"PREFECT_API_URL": "https://prefect.example/api"})
    assert remote["PREFECT_API_URL"] == "https://prefect.example/api"


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    """A Prefect server of this module's own."""
    with prefect_test_harness(server_startup_timeout=120):
        yield


def run_flow(project: Project) -> tuple[State[object], dict[str, str], dict[str, list[str]]]:
    """The flow's final state, the name of every task's state, and the edges that Prefect draws."""

    @flow(name="project", persist_result=False)
    def line() -> State[object]:
        graph, changes = read_graph_and_changes(Path())
        return LineRun(Path(), graph, Runtime(grace_s=5)).run(plan(graph, changes, list(graph.stages)))

    state = line(return_state=True)
    with get_client(sync_client=True) as client:
        run = client.read_flow_runs(limit=1, sort="EXPECTED_START_TIME_DESC")[0]
        runs = [item for item in client.read_task_runs() if item.flow_run_id == run.id]
    names = {item.id: item.name for item in runs}
    edges = {item.name: sorted(names[up.id] for ups in item.task_inputs.values() for up in ups) for item in runs}
    return state, {item.name: item.state_name or "" for item in runs}, edges


@pytest.mark.long
def test_what_says_that_it_can_be_tried_again_is_and_nothing_else(
    server: None, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.root)
    path = project.root / "dvc.yaml"
    path.write_text(path.read_text().replace("{retries: 1}", "{retries: 1, retry_delay_s: 0.1}"))
    project.behave(count={"code": 75, "once": True})
    state, states, _ = run_flow(project)
    assert state.name == "Completed"
    assert states["count"] == "Completed"

    project.params("by: 2", "by: 3")
    attempts = project.root / "count.failed"
    for code, name in ((75, "TryAgain"), (3, "GateFailed"), (1, "Failed"), (4, "DataError")):
        attempts.unlink()
        project.behave(count={"code": code})
        state, states, _ = run_flow(project)
        assert state.name == states["count"] == name
        assert states == {"read": "Cached", "side": "Cached", "count": name, "last": "Skipped"}
        tried = retries_of("count")
        assert tried == (2 if code == 75 else 1), f"a stage that ends with {code} was tried {tried} times"
        run = max((project.root / ".runs").glob("*/run.json"), key=lambda found: found.stat().st_mtime)
        facts = json.loads(run.read_text())
        assert facts["exit_code"] == code
        assert facts["stages"][-1]["message"].startswith("needs count, which ")
        assert (run.parent / "html/index.html").exists(), "the page of the run is written also after a failure"


def retries_of(stage: str) -> int:
    """How often the newest task of a stage was tried."""
    with get_client(sync_client=True) as client:
        runs = [item for item in client.read_task_runs() if item.name == stage]
    return max(runs, key=lambda item: str(item.expected_start_time)).run_count


@pytest.mark.long
def test_ran_then_cached_then_gate_failed_and_skipped(
    server: None, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.root)
    state, states, edges = run_flow(project)
    assert state.name == "Completed"
    assert states == dict.fromkeys(["read", "count", "side", "last"], "Completed")
    assert edges == {"read": [], "count": ["read"], "side": ["read"], "last": ["count"]}

    state, states, _ = run_flow(project)
    assert state.name == "Cached"
    assert set(states.values()) == {"Cached"}

    project.params("by: 2", "by: 3")
    project.behave(count={"code": 3})
    state, states, edges = run_flow(project)
    assert (state.type, state.name) == (StateType.FAILED, "GateFailed")
    assert states == {"read": "Cached", "count": "GateFailed", "side": "Cached", "last": "Skipped"}
    assert edges["last"] == ["count"], "also the edge to a skipped stage is drawn"
