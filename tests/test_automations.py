"""A real Prefect server: each automation fires for runs of the line, and for no other flow's."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.checkout import make_checkout
from tests.served import Served, served, wait_until

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

STATES = {
    "bessemer: crashed runs": {"type": "CRASHED", "name": "Crashed"},
    "bessemer: failed gates": {"type": "FAILED", "name": "GateFailed", "message": "worse than the bound"},
    "bessemer: late runs": {"type": "SCHEDULED", "name": "Late"},
}


def scheduled_tomorrow(serving: Served, state: dict[str, Any]) -> str:
    """A run of the line that nobody picks up, put into a state; its id."""
    deployment = serving.ask("deployments/name/bessemer/manual")["id"]
    details = {"scheduled_time": (datetime.now(UTC) + timedelta(days=1)).isoformat()}
    begin = {"state": {"type": "SCHEDULED", "state_details": details}}
    run: str = serving.ask(f"deployments/{deployment}/create_flow_run", begin)["id"]
    serving.ask(f"flow_runs/{run}/set_state", {"state": {"state_details": details, **state}, "force": True})
    return run


def crashed_elsewhere(serving: Served) -> None:
    """A run of another flow that has crashed."""
    flow = serving.ask("flows/", {"name": "another"})["id"]
    run = serving.ask("flow_runs/", {"flow_id": flow, "state": {"type": "PENDING"}})["id"]
    serving.ask(f"flow_runs/{run}/set_state", {"state": {"type": "CRASHED", "name": "Crashed"}, "force": True})


def fired(serving: Served) -> list[str]:
    """Automations that have fired, by name, once for each time."""
    body = {"filter": {"event": {"name": ["prefect.automation.triggered"]}}, "limit": 50}
    return sorted(event["resource"]["prefect.resource.name"] for event in serving.ask("events/filter", body)["events"])


def sign_of_life(serving: Served, run: str) -> None:
    """What the process of a run sends while it lives."""
    flow = serving.ask(f"flow_runs/{run}")["flow_id"]
    related = {"prefect.resource.id": f"prefect.flow.{flow}", "prefect.resource.role": "flow"}
    event = {
        "id": str(uuid4()),
        "event": "prefect.flow-run.heartbeat",
        "occurred": datetime.now(UTC).isoformat(),
        "resource": {"prefect.resource.id": f"prefect.flow-run.{run}"},
        "related": [{**related, "prefect.resource.name": "bessemer"}],
    }
    serving.ask("events", [event])


def test_crashed_gate_failed_and_late_runs_are_told_of_and_a_silent_one_counts_as_crashed(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path / "checkout")
    checkout.bessemer("sources", "lock")
    with served(checkout, tmp_path / "home", PREFECT_FLOWS_HEARTBEAT_FREQUENCY="30") as serving:
        silent = scheduled_tomorrow(serving, {"type": "RUNNING", "name": "Running"})
        crashed_elsewhere(serving)
        for state in STATES.values():
            scheduled_tomorrow(serving, state)
        wait_until(lambda: fired(serving) == sorted(STATES), 60, "an automation has not fired")
        sign_of_life(serving, silent)
        wait_until(lambda: serving.state(silent)["type"] == "CRASHED", 240, "the silent run still counts as running")
        assert "no sign of life" in serving.state(silent)["message"]
        again = ["bessemer: crashed runs", "bessemer: runs without a sign of life"]
        wait_until(lambda: len(fired(serving)) > len(STATES) + 1, 60, "nobody is told of the silent run")
        assert fired(serving) == sorted([*STATES, *again]), "one each, and none for another flow's run"
