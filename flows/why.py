"""``bessemer why``: for each stage whether it would run and because of what, or why it ran the last time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from bessemer.config.load import load_params
from flows.dependencies import require_declared
from flows.graph import read_graph_and_changes
from flows.runner import Outcome
from flows.runs import runs_newest_first
from flows.schedule import Forecast, PlannedStage, plan
from flows.versions import with_stale


def why_command(root: Path, stages: Sequence[str], console: Console) -> int:
    """Say it of the named stages; of all that are not up to date when none is named. Always 0.

    Raises:
        ConfigError: the parameters cannot be used, or a name is not a stage.
    """
    params = load_params(root)
    graph, changes = read_graph_and_changes(root)
    require_declared(params, graph)
    planned = plan(graph, with_stale(changes, root), graph.select(stages))
    asked = [item for item in planned if item.stage in stages or (not stages and item.forecast is not Forecast.CACHED)]
    for item in asked:
        for line in reasons(root, item):
            console.print(line, markup=False, soft_wrap=True)
    if not asked:
        console.print("every stage is up to date")
    return 0


def reasons(root: Path, item: PlannedStage) -> Iterator[str]:
    """What is to be said of a stage: one sentence, and a line for each further change."""
    match item.forecast:
        case Forecast.RUN:
            yield f"{item.stage} will run because {item.changes[0]}"
            yield from (f"  and {change}" for change in item.changes[1:])
        case Forecast.MAYBE:
            before = " and ".join(item.after)
            yield f"{item.stage} may run because it reads what {before} will write; it will not if that stays the same"
        case _:
            yield f"{item.stage} is up to date; {last_reason(root, item.stage)}"


def last_reason(root: Path, stage: str) -> str:
    """Which run of this checkout made the present result, and because of what."""
    for path in runs_newest_first(root):
        for result in json.loads(path.read_text(encoding="utf-8"))["stages"]:
            if result["stage"] == stage and result["outcome"] in (Outcome.RAN, Outcome.RESTORED):
                return f"run {path.parent.name} {_DONE[result['outcome']]} because {result['message']}"
    return "no run of this checkout made it"


_DONE = {Outcome.RAN: "ran it", Outcome.RESTORED: "restored it"}
