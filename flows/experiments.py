"""A run kept as a DVC experiment: parameters, locks and metrics under its name, and no commit on a branch."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from flows.runner import StageResult, capture

TIMEOUT_S = 3600.0


def save_experiment(root: Path, run: str, results: Sequence[StageResult]) -> str:
    """Save the workspace as the experiment ``run-<run>``; one sentence on how that went, for a log.

    DVC commits the stages that it is told of to its cache whether they are up to date or not. So it is told only of
    those that have succeeded: what failed, or was not part of the run, must not pass for done.
    """
    done = [result.stage for result in results if result.outcome.succeeded]
    if not done:
        return "no stage has succeeded, so there is no experiment to save"
    name = f"run-{run}"
    command = [sys.executable, "-m", "dvc", "--wait-for-lock", "exp", "save", "--name", name, *done]
    status, text = capture(command, timeout_s=TIMEOUT_S, cwd=root)
    if status == 0:
        return f"saved as the DVC experiment {name}; `dvc exp show` compares it, `dvc exp apply {name}` brings it back"
    said = [line.removeprefix("ERROR: ") for line in text.splitlines() if line.startswith("ERROR: ")]
    return f"the run could not be saved as a DVC experiment: {said[-1] if said else text.strip()[-500:]}"
