"""The report of a stage as a run had it, when other runs may have taken its place in the checkout."""

from pathlib import Path

from bessemer.reporting.history import METRICS, read_json
from bessemer.reporting.report import StageReport, read_report

RESULTS = "results"
"""Folder, in that of a run, of what it has kept of its reports."""


def shortened(report: StageReport) -> bytes:
    """What a run keeps of a report: all but samples, pairs and histograms, which are most of it."""
    return report.model_copy(update={"samples": [], "pairs": [], "histograms": []}).model_dump_json().encode()


def report_of_run(root: Path, run: str, stage: str) -> StageReport | None:
    """The report of the stage in the run; whole where it still lies in the checkout, else what the run has kept.

    A run that has kept none has the checkout's, unless the numbers that it remembers are others.
    """
    folder = root / ".runs" / run
    present = _present(root, stage)
    try:
        kept = (folder / RESULTS / f"{stage}.json").read_bytes()
        return present if present is not None and shortened(present) == kept else StageReport.model_validate_json(kept)
    except (OSError, ValueError):
        pass
    remembered = read_json(folder / METRICS).get(stage)
    return present if present is not None and remembered in (None, dict(present.metrics)) else None


def lies_here(root: Path, report: StageReport) -> bool:
    """Whether it is the checkout's report of its stage."""
    present = _present(root, report.stage)
    return present is not None and present.model_dump_json() == report.model_dump_json()


def _present(root: Path, stage: str) -> StageReport | None:
    try:
        return read_report(root / "reports" / stage)
    except (OSError, ValueError):
        return None
