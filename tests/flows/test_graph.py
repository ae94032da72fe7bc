"""What the graph says of a project, against what DVC itself does with it."""

from pathlib import Path

import pytest

from bessemer.errors import ConfigError
from flows.graph import accept, read_graph, read_graph_and_changes
from flows.schedule import Forecast, plan
from tests.flows.conftest import Project


def said(project: Project) -> dict[str, list[str]]:
    _, changes = read_graph_and_changes(project.root)
    return {name: [str(change) for change in found] for name, found in changes.items()}


def forecasts(project: Project) -> dict[str, Forecast]:
    graph, changes = read_graph_and_changes(project.root)
    return {item.stage: item.forecast for item in plan(graph, changes, list(graph.stages))}


def test_stages_come_after_what_they_read_and_carry_their_hints(project: Project) -> None:
    graph = read_graph(project.root)
    assert list(graph.stages) == ["read", "count", "side", "last"]
    assert graph["count"].upstream == {"read"}
    assert graph["count"].hints == {"retries": 1}
    assert graph["count"].parameters == {"params.yaml": ("count",)}
    assert graph.downstream("count") == ["last"]
    assert graph.select(["last"]) == ["read", "count", "last"]


def test_an_unknown_stage_is_a_sentence_that_lists_the_known_ones(project: Project) -> None:
    with pytest.raises(ConfigError, match="has no stage cuont; its stages are read, count, side, last"):
        read_graph(project.root).select(["cuont"])


def test_a_folder_without_dvc_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not a DVC project"):
        read_graph(tmp_path)


def test_after_a_run_nothing_has_changed(finished: Project) -> None:
    assert said(finished) == {}
    assert set(forecasts(finished).values()) == {Forecast.CACHED}


def test_a_changed_parameter_is_named_by_its_leaf_with_both_values(finished: Project) -> None:
    finished.params("cut: 0.5", "cut: 0.75")
    finished.params("[a, b]", "[a, c]")
    assert said(finished) == {
        "read": ["read.deep.cut changed from 0.5 to 0.75", "read.deep.words[1] changed from b to c"]
    }
    assert forecasts(finished) == {
        "read": Forecast.RUN,
        "count": Forecast.MAYBE,
        "side": Forecast.MAYBE,
        "last": Forecast.MAYBE,
    }


def test_a_comment_in_params_changes_nothing(finished: Project) -> None:
    finished.params("count:", "# by how many\ncount:")
    assert said(finished) == {}


def test_a_changed_file_in_a_folder_is_named(finished: Project) -> None:
    one = finished.root / "data/read/one.txt"
    one.unlink()
    one.write_text("steel\n")
    found = said(finished)
    assert found["read"] == ["data/read/one.txt has changed"]
    assert found["count"] == ["data/read/one.txt has changed"]
    assert forecasts(finished)["count"] is Forecast.MAYBE, "read will write it anew: whether count runs is not known"


def test_a_missing_output_and_a_new_command_are_named(finished: Project) -> None:
    (finished.root / "data/last.txt").unlink()
    path = finished.root / "dvc.yaml"
    path.write_text(path.read_text().replace("step.py side", "./step.py side"))
    assert said(finished) == {"side": ["cmd has changed"], "last": ["data/last.txt is not there"]}


def test_accepting_an_edit_leaves_nothing_to_run(finished: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(finished.root)
    step = finished.root / "step.py"
    step.write_text(step.read_text() + "# a remark\n")
    assert set(said(finished)) == {"read", "count"}
    assert [str(change) for change in accept("read", finished.root)] == ["step.py has changed"]
    accept("count", finished.root)
    assert said(finished) == {}
    assert "Running stage" not in finished.dvc("repro")
