"""The short table at the end of a run: what came out, and where it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bessemer.reporting.report import Count, StageReport, read_report
from flows.display import MARKS, clock
from flows.runner import Outcome, StageResult

MODEL = "models/pretrain"
ENGLISH_BITS = "reference_english_bits_per_byte"


def closing_table(root: Path, results: Sequence[StageResult], console: Console) -> None:
    """Print what failed and why, else what the line has made."""
    for result in results:
        if not result.outcome.succeeded and result.outcome is not Outcome.SKIPPED:
            mark, style = MARKS[result.outcome]
            console.print(f"[{style}]{mark} {result.stage}[/] ", end="")
            console.print(result.message, markup=False, soft_wrap=True)
            console.print(f"  log: {result.log}", markup=False, soft_wrap=True)
    table = Table.grid(padding=(0, 2))
    for label, value in outcome_rows(root, results):
        table.add_row(label, value)
    console.print(table)


def outcome_rows(root: Path, results: Sequence[StageResult]) -> list[tuple[str, str]]:
    """Label and value of each line of the closing table; what the run did not get to is left out."""
    reports = {result.stage: _report(root, result.stage) for result in results if result.outcome.succeeded}
    rows = [("stages", _stages(results))]
    read, kept = _last_count(reports.get("ingest")), _last_count(reports.get("curate"))
    if read is not None and kept is not None and read.documents and kept.documents is not None:
        share = kept.documents / read.documents
        rows.append(("documents", f"{kept.documents:,} kept of {read.documents:,} ({share:.1%})"))
    packed = reports.get("shard")
    if packed is not None and "train_tokens" in packed.metrics:
        rows.append(("tokens", f"{packed.metrics['train_tokens']:,} to train on"))
    scores = reports.get("evaluate")
    if scores is not None and ENGLISH_BITS in scores.metrics:
        rows.append(("bits per byte", f"{float(scores.metrics[ENGLISH_BITS]):.3f} on the English reference"))
    if "pretrain" in reports:
        rows.append(("model", MODEL))
    return rows


def _stages(results: Sequence[StageResult]) -> str:
    counts = {outcome: sum(result.outcome is outcome for result in results) for outcome in Outcome}
    words = ", ".join(f"{count} {outcome.value.replace('_', ' ')}" for outcome, count in counts.items() if count)
    seconds = sum(result.seconds for result in results)
    return f"{words} in {clock(seconds)}" if seconds else words


def _report(root: Path, stage: str) -> StageReport | None:
    try:
        return read_report(root / "reports" / stage)
    except (OSError, ValueError):
        return None


def _last_count(report: StageReport | None) -> Count | None:
    return report.counts[-1] if report is not None and report.counts else None
