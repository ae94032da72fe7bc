"""Automations as code: what a Prefect server does by itself about runs of the line that went wrong or did not start.

They are made, or brought up to date, under their names whenever `make serve` starts. Each of them leaves an event; with
``BESSEMER_ALERTS`` set to a notification block (``slack-webhook/bessemer``) it also sends a message there.
"""

from __future__ import annotations

import os
from datetime import timedelta
from uuid import UUID

from prefect.automations import Automation
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ActionTypes, ChangeFlowRunState, DoNothing, SendNotification
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.exceptions import ObjectNotFound
from prefect.settings import get_current_settings

from bessemer.errors import ConfigError
from flows.pipeline import FLOW

ALERTS = "BESSEMER_ALERTS"
"""Environment variable: type and name of the notification block that alerts go to."""

HEARTBEATS_MISSED = 3
_RUNS = {"prefect.resource.id": "prefect.flow-run.*"}
_OF_THE_LINE = {"prefect.resource.role": "flow", "prefect.resource.name": FLOW}
_BODY = "{{ flow_run.name }}: {{ flow_run.state.message }}"


def automations(alerts: UUID | None, heartbeat_s: float) -> list[Automation]:
    """All of them.

    Args:
        alerts: id of the notification block, if there is one.
        heartbeat_s: seconds between two signs of life of a flow run.
    """

    def when(event: str, name: str, description: str) -> Automation:
        trigger = EventTrigger(expect={event}, match=_RUNS, match_related=_OF_THE_LINE, posture=Posture.Reactive)
        return Automation(
            name=f"{FLOW}: {name}", description=description, trigger=trigger, actions=[_told(alerts, name)]
        )

    silent = EventTrigger(
        after={"prefect.flow-run.heartbeat"},
        expect={"prefect.flow-run.*"},
        for_each={"prefect.resource.id"},
        match=_RUNS,
        match_related=_OF_THE_LINE,
        posture=Posture.Proactive,
        within=timedelta(seconds=HEARTBEATS_MISSED * heartbeat_s),
    )
    crash = ChangeFlowRunState(
        state=StateType.CRASHED, name="Crashed", message="no sign of life; the next run continues where this one was"
    )
    return [
        Automation(
            name=f"{FLOW}: runs without a sign of life",
            description="A run whose process was killed cannot say so: it counts as crashed after some silence.",
            trigger=silent,
            actions=[crash],
        ),
        when("prefect.flow-run.Crashed", "crashed runs", "A run ended without saying how."),
        when("prefect.flow-run.GateFailed", "failed gates", "A corpus or a model did not meet its bounds."),
        when("prefect.flow-run.Late", "late runs", "A scheduled run has not started: is `make serve` running?"),
    ]


def register_automations() -> list[str]:
    """Make them on the server, or bring those of the same names up to date; their names.

    Raises:
        ConfigError: the notification block that the environment names does not exist.
    """
    heartbeat = get_current_settings().flows.heartbeat_frequency or 30
    wanted = automations(_alerts(os.environ.get(ALERTS)), heartbeat)
    with get_client(sync_client=True) as client:
        for automation in wanted:
            found = client.read_automations_by_name(automation.name)
            if found:
                automation.id = found[0].id
                automation.update()
            else:
                automation.create()
    return [automation.name for automation in wanted]


def _told(alerts: UUID | None, subject: str) -> ActionTypes:
    if alerts is None:
        return DoNothing()
    return SendNotification(block_document_id=alerts, subject=f"{FLOW}: {subject}", body=_BODY)


def _alerts(block: str | None) -> UUID | None:
    if not block:
        return None
    kind, _, name = block.partition("/")
    try:
        with get_client(sync_client=True) as client:
            return client.read_block_document_by_name(name, kind).id
    except ObjectNotFound:
        raise ConfigError(
            f"{ALERTS}: there is no block {block}; make it in the Prefect UI, or leave the variable unset."
        ) from None
