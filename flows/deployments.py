"""The deployments of prefect.yaml, for `make serve`: the file that a worker is told of too, so that the two agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron, Interval, Schedule

from bessemer.config.read import read_yaml
from bessemer.errors import ConfigError

FILE = "prefect.yaml"


def deployments(root: Path = Path()) -> list[RunnerDeployment]:
    """One deployment of the line for each entry of prefect.yaml, with its parameters and schedules.

    Raises:
        ConfigError: a schedule is neither a cron line nor an interval, or a parameter is not one of the flow.
    """
    from flows.pipeline import line

    made = []
    for entry in read_yaml(root / FILE).get("deployments", []):
        parameters = entry.get("parameters") or {}
        unknown = sorted(set(parameters) - set(line.parameters.properties))
        if unknown:
            known = ", ".join(line.parameters.properties)
            raise ConfigError(f"{FILE}: {entry['name']}: {unknown[0]} is not a parameter of the line; it has {known}.")
        schedules = [_schedule(entry["name"], item) for item in entry.get("schedules") or []]
        made.append(
            line.to_deployment(
                entry["name"],
                description=entry.get("description"),
                tags=entry.get("tags"),
                parameters=parameters,
                schedules=schedules,
                paused=False,
            )
        )
    return made


def _schedule(deployment: str, entry: dict[str, Any]) -> Schedule:
    settings = {name: entry[name] for name in ("timezone", "active", "slug") if name in entry}
    if "cron" in entry:
        return Cron(entry["cron"], **settings)
    if "interval" in entry:
        return Interval(entry["interval"], **settings)
    raise ConfigError(f"{FILE}: {deployment}: a schedule needs cron or interval.")
