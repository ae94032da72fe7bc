"""A run by its name, or a revision, as one side of a comparison."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bessemer.errors import ConfigError
from bessemer.reporting.history import METRICS, read_json
from bessemer.reporting.kept import RESULTS
from bessemer.reporting.report import StageReport, read_report
from bessemer.reporting.side import Side
from flows.dependencies import is_code
from flows.graph import fetch_output
from flows.lineage import flat
from flows.recorded import DVC_LOCK, read_dvc_lock
from flows.runs import FACTS, RUNS, latest_run
from flows.versions import VERSIONS

LATEST = "latest"
_SUCCEEDED = ("ran", "cached", "restored", "gate_failed")


def side(root: Path, name: str) -> Side:
    """The side that a name stands for: a folder of ``.runs``, ``latest``, or a commit, branch, tag or experiment.

    Raises:
        ConfigError: it is empty or none of them, or the reports of that revision are nowhere to be had.
    """
    if not name.strip():
        raise ConfigError(f"the name of a run is empty; `ls {RUNS}` and `dvc exp list` have names.")
    run = latest_run(root) if name == LATEST else name
    if Path(run).name == run and (root / RUNS / run / FACTS).is_file():
        return _of_run(root, run)
    try:
        return _of_revision(root, name)
    except ConfigError as error:
        if " is no commit" not in str(error):
            raise
        raise ConfigError(
            f"{name} is no run in {RUNS} and no commit, branch, tag or experiment; `ls {RUNS}` and `dvc exp list` have "
            "their names."
        ) from None


def _of_run(root: Path, run: str) -> Side:
    folder = root / RUNS / run
    facts = read_json(folder / FACTS)
    outcomes = {str(item["stage"]): str(item["outcome"]) for item in facts.get("stages") or []}
    vouched = [stage for stage, outcome in outcomes.items() if outcome in _SUCCEEDED]
    remembered = read_json(folder / METRICS)
    reports = {stage: found for stage in vouched if (found := _report(root, folder, stage, remembered)) is not None}
    metrics = {**remembered, **{stage: report.metrics for stage, report in reports.items()}}
    missing = [stage for stage in vouched if stage not in reports]
    about = [_when(facts), _commit(facts)]
    if missing:
        about.append(f"The reports of {', '.join(missing)} are gone: of those stages only the numbers are left.")
    if not (folder / DVC_LOCK).exists():
        about.append("Its parameters and code were not kept.")
    return Side(
        run,
        tuple(line for line in about if line),
        outcomes,
        reports,
        {stage: metrics[stage] for stage in outcomes if stage in metrics},
        records={stage: record for stage in vouched if (record := read_json(folder / f"{stage}.json"))},
        wall_s=float(facts["wall_s"]) if facts.get("wall_s") else None,
        **_went_in(read_dvc_lock(folder), vouched),
    )


def _report(root: Path, folder: Path, stage: str, remembered: Mapping[str, Any]) -> StageReport | None:
    """The report that the run has kept, else the one that lies here if its numbers are those of the run."""
    try:
        return StageReport.model_validate_json((folder / RESULTS / f"{stage}.json").read_bytes())
    except (OSError, ValueError):
        pass
    try:
        present = read_report(root / "reports" / stage)
    except (OSError, ValueError):
        return None
    return present if dict(present.metrics) == remembered.get(stage) else None


def _of_revision(root: Path, revision: str) -> Side:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fetch_output(root, revision, DVC_LOCK, folder / DVC_LOCK)
        stages = read_dvc_lock(folder)
        fetch_output(root, revision, "reports", folder / "reports")
        reports = {}
        for stage in stages:
            try:
                reports[stage] = read_report(folder / "reports" / stage)
            except (OSError, ValueError):
                continue
    return Side(
        revision,
        ("A revision: what the line had made then. What it took is not recorded with it.",),
        reports=reports,
        metrics={stage: report.metrics for stage, report in reports.items()},
        **_went_in(stages, list(stages)),
    )


def _went_in(stages: Mapping[str, Any], names: list[str]) -> dict[str, dict[str, Any]]:
    """Parameters, inputs, code and packages of some stages of a dvc.lock."""
    chosen = {name: stages[name] for name in names if name in stages}
    written = {out["path"] for entry in stages.values() for out in entry.get("outs", [])}
    found: dict[str, dict[str, Any]] = {"parameters": {}, "inputs": {}, "code": {}, "packages": {}}
    for name, entry in chosen.items():
        params: Mapping[str, Mapping[str, Any]] = entry.get("params") or {}
        found["packages"].update(params.get(VERSIONS, {}).get(name) or {})
        for file, values in params.items():
            if file != VERSIONS:
                found["parameters"].update(flat(values))
        for item in entry.get("deps", []):
            path, digest = str(item["path"]), str(item.get("md5", ""))
            if is_code(path):
                found["code"][path] = digest
            elif not any(path == out or path.startswith(f"{out}/") or out.startswith(f"{path}/") for out in written):
                found["inputs"][path] = digest
    return found


def _when(facts: Mapping[str, Any]) -> str:
    if not facts.get("started"):
        return ""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(float(facts["started"])))


def _commit(facts: Mapping[str, Any]) -> str:
    if not facts.get("commit"):
        return ""
    return f"commit {str(facts['commit'])[:12]}{', with uncommitted changes' if facts.get('dirty') else ''}"
