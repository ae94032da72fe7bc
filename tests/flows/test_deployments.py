"""What is served and what the server does by itself is what the files say."""

import urllib.error
import urllib.request
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import yaml

from bessemer.errors import ConfigError
from bessemer.reporting.report import Series, StageReport
from flows.automations import automations
from flows.deployments import deployments
from flows.mermaid_chart import chart
from flows.page_server import page_server

ROOT = Path(__file__).parents[2]


def test_the_deployments_are_those_of_prefect_yaml_with_their_parameters_and_schedules() -> None:
    made = {item.name: item for item in deployments(ROOT)}
    written = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    assert list(made) == [entry["name"] for entry in written] == ["nightly", "weekly-full", "manual"]
    assert made["nightly"].parameters == {"refresh": True, "record": True}
    assert made["weekly-full"].parameters == {"refresh": True, "force": True, "record": True}
    assert made["manual"].parameters == {}
    (nightly,), (weekly,) = made["nightly"].schedules, made["weekly-full"].schedules
    assert (nightly.schedule.cron, nightly.active) == ("0 3 * * *", True)
    assert (weekly.schedule.cron, weekly.active) == ("0 5 * * 6", False), "training from the beginning is for who asks"
    assert made["manual"].schedules == []
    assert {entry["entrypoint"] for entry in written} == {"flows/pipeline.py:line"}


def test_only_pages_of_runs_are_served(tmp_path: Path) -> None:
    html = tmp_path / ".runs/20300101-030000/html"
    html.mkdir(parents=True)
    (html / "index.html").write_text("<p>the run")
    (html.parent / "curate.log").write_text("not for a browser")
    with page_server(tmp_path, 0) as address:
        assert urllib.request.urlopen(f"{address}/20300101-030000/html/index.html").read() == b"<p>the run"
        assert urllib.request.urlopen(f"{address}/20300101-030000/html/").read() == b"<p>the run"
        for path in ("", "20300101-030000/curate.log", "20300101-030000/html/../curate.log", "20300101-030000/"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(f"{address}/{path}")


def test_a_stages_curve_is_a_drawing_of_few_points_and_its_words_cannot_leave_it() -> None:
    series = Series(
        name="loss", title='a "b"\n`c`', x="tokens", y=["loss"], rows=[[i, 1 / (1 + i)] for i in range(900)]
    )
    report = StageReport(stage="pretrain", title="Pretraining", summary="", series=[series])
    lines = chart(report).splitlines()
    assert lines[:3] == ["```mermaid", "xychart-beta", "  title \"a 'b' 'c'\""]
    assert lines[3] == '  x-axis "tokens" 0 --> 899'
    values = lines[5].removeprefix("  line [").removesuffix("]").split(", ")
    assert (len(values), values[0], values[-1]) == (40, "1", "0.00111111")
    assert chart(StageReport(stage="check", title="Check", summary="")) == ""


def test_a_parameter_that_the_flow_does_not_have_is_a_sentence(tmp_path: Path) -> None:
    entry = {"name": "odd", "parameters": {"recrod": True}}
    (tmp_path / "prefect.yaml").write_text(yaml.safe_dump({"deployments": [entry]}))
    with pytest.raises(ConfigError, match="odd: recrod is not a parameter of the line; it has stages, refresh, force"):
        deployments(tmp_path)


def test_crashes_failed_gates_late_and_silent_runs_each_have_an_automation() -> None:
    silent, crashed, gates, late = automations(None, heartbeat_s=30)
    assert silent.trigger.within == timedelta(seconds=90)
    assert silent.actions[0].type == "change-flow-run-state"
    events = {"prefect.flow-run.Crashed", "prefect.flow-run.GateFailed", "prefect.flow-run.Late"}
    assert {event for item in (crashed, gates, late) for event in item.trigger.expect} == events
    assert {item.actions[0].type for item in (crashed, gates, late)} == {"do-nothing"}
    block = uuid4()
    for item in automations(block, heartbeat_s=30)[1:]:
        assert item.actions[0].type == "send-notification"
        assert item.actions[0].block_document_id == block
