"""What a run keeps of its results, to be compared when other runs have taken their place in the checkout."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from bessemer.shards import write_bytes
from flows.recorded import DVC_LOCK
from flows.runner import Outcome, StageResult


def keep_results(root: Path, folder: Path, results: Sequence[StageResult]) -> None:
    """Copy dvc.lock, and the report of every stage that the run vouches for, into the folder of the run.

    Samples, pairs and histograms are left out: they are most of a report, and nothing of two runs is told by them.
    """
    from bessemer.reporting.kept import RESULTS, shortened
    from bessemer.reporting.report import read_report

    for result in results:
        if not result.outcome.succeeded and result.outcome is not Outcome.GATE_FAILED:
            continue
        try:
            report = read_report(root / "reports" / result.stage)
        except (OSError, ValueError):
            continue
        write_bytes(folder / RESULTS / f"{result.stage}.json", shortened(report))
    if (root / DVC_LOCK).exists():
        shutil.copyfile(root / DVC_LOCK, folder / DVC_LOCK)
