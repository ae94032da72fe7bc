"""A report as short GitHub-flavoured markdown, for Prefect artifacts and pull requests."""

from collections.abc import Sequence

from bessemer.reporting.html import check_lines, drops, funnel, status
from bessemer.reporting.numbers import quantity, sentence, words
from bessemer.reporting.report import StageReport
from bessemer.reporting.untrusted import markdown_text

MAX_METRICS = 20
MAX_DROPS = 12


def markdown(report: StageReport) -> str:
    """Status, checks, funnel, drops and metrics of a report as markdown tables.

    Every word that comes from data is escaped; samples are left to the page.
    """
    parts = [
        f"### {markdown_text(report.title)}",
        f"**{status(report.checks)['text']}.** {markdown_text(sentence(report.summary))}",
    ]
    if report.checks:
        rows = [
            [line["result"], line["metric"], line["value"], line["bound"], line["reason"]]
            for line in check_lines(report.checks)
        ]
        parts.append(markdown_table(["Result", "Check", "Value", "Must be", "Why"], rows, numeric={2}))
    if flow := funnel(report.counts):
        rows = [[line["label"], *line["cells"]] for line in flow["lines"]]
        parts.append(markdown_table(["", *flow["units"]], rows, numeric=set(range(1, len(flow["units"]) + 1))))
    if left_out := drops(report.drops):
        lines = left_out["lines"][:MAX_DROPS]
        rows = [[line["label"], line["documents"], line["bytes"], line["share"]] for line in lines]
        parts.append(markdown_table(["Left out because", "Documents", "Text", "Share"], rows, numeric={1, 2, 3}))
    if report.metrics:
        metrics = list(report.metrics.items())[:MAX_METRICS]
        rows = [[words(name), quantity(name, value)] for name, value in metrics]
        parts.append(markdown_table(["Metric", "Value"], rows, numeric={1}))
    return "\n\n".join(parts) + "\n"


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]], *, numeric: set[int]) -> str:
    """A table whose cells are plain text, all escaped; the columns ``numeric`` are aligned to the right."""
    rule = ["---:" if place in numeric else ":---" for place in range(len(head))]
    lines = [[markdown_text(cell) for cell in head], rule, *([markdown_text(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
