"""What Prefect shows of a run: one markdown artifact per stage, and one for the line with its stages in colour."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from bessemer.reporting.markdown import markdown
from bessemer.reporting.report import read_report
from flows.closing import outcome_rows
from flows.display import clock, describe_result
from flows.graph import Graph
from flows.mermaid_chart import chart
from flows.page_server import PAGES
from flows.runner import Outcome, StageResult

_COLOURS = {
    Outcome.RAN: ("#1f7a4d", "#ffffff"),
    Outcome.CACHED: ("#dfe5ea", "#33404d"),
    Outcome.RESTORED: ("#cfe3f5", "#1f3a5f"),
    Outcome.FAILED: ("#b3261e", "#ffffff"),
    Outcome.GATE_FAILED: ("#b3261e", "#ffffff"),
    Outcome.TIMED_OUT: ("#b3261e", "#ffffff"),
    Outcome.CANCELLED: ("#c98a00", "#ffffff"),
    Outcome.SKIPPED: ("#f4f4f4", "#8a8a8a"),
}


def artifact_key(stage: str) -> str:
    """Key of a stage's report: Prefect allows lower-case letters, digits and dashes."""
    return f"report-{stage.replace('_', '-')}"


def because(result: StageResult) -> str:
    """A result's message as it stands beside its outcome: what made a stage run is a clause, all else a sentence."""
    ran = result.outcome in (Outcome.RAN, Outcome.RESTORED)
    return f"because {result.message}" if ran and result.message else result.message


def page_link(run: str, page: str) -> str:
    """Address of a page of a run, where pages are served; empty elsewhere."""
    base = os.environ.get(PAGES)
    return f"{base}/{run}/html/{page}.html" if base else ""


def stage_markdown(root: Path, run: str, result: StageResult) -> str:
    """The stage's report as markdown with its chart, or what went wrong when it left none."""
    try:
        report = read_report(root / "reports" / result.stage)
        text = "\n".join(part for part in (markdown(report), chart(report)) if part)
    except (OSError, ValueError):
        text = f"### {result.stage}\n"
    link = page_link(run, result.stage)
    where = f"[Page of {result.stage}]({link}), there when the run has ended.  \n" if link else ""
    told = f"\n\n{_plain(because(result))}" if result.message else ""
    return f"{text}\n*{describe_result(result)}*{told}\n\n{where}Log: `{result.log}`\n"


def line_markdown(root: Path, run: str, graph: Graph, results: Sequence[StageResult], page: Path) -> str:
    """The line as a Mermaid drawing, a table of its stages, and what came out."""
    rows = ["| stage | outcome | time | why |", "|---|---|---:|---|"]
    for result in results:
        seconds = clock(result.seconds) if result.seconds else ""
        outcome = result.outcome.value.replace("_", " ")
        rows.append(f"| {result.stage} | {outcome} | {seconds} | {_plain(because(result))} |")
    facts = [f"- **{label}**: {value}" for label, value in outcome_rows(root, results)]
    link = page_link(run, "index")
    where = f"[Page of the run]({link})" if link else f"Page of the run: `{page.as_posix()}`"
    return "\n\n".join(["\n".join(facts), f"```mermaid\n{mermaid(graph, results)}\n```", "\n".join(rows), where]) + "\n"


def mermaid(graph: Graph, results: Sequence[StageResult]) -> str:
    """The stages of a run and what they read from each other, coloured by outcome."""
    names = [result.stage for result in results]
    lines = ["graph TD"]
    lines += [f"  {name}([{name}])" for name in names]
    lines += [f"  {upper} --> {name}" for name in names for upper in graph.direct(name) if upper in names]
    for result in results:
        fill, ink = _COLOURS[result.outcome]
        lines.append(f"  style {result.stage} fill:{fill},color:{ink},stroke:{fill}")
    return "\n".join(lines)


def _plain(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
