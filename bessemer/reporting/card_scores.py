"""How good a released model is, and what it writes: sections of its card."""

from collections.abc import Mapping

from bessemer.reporting.grid import table_grid
from bessemer.reporting.html import check_lines
from bessemer.reporting.markdown import markdown_table
from bessemer.reporting.report import StageReport, Table
from bessemer.reporting.scores import score_lines
from bessemer.reporting.untrusted import markdown_text

DOCUMENTS = "documents"
"""Name of the table of ``evaluate`` with a row for each document, which is for `bessemer compare`."""

ROWS = 20
GENERATIONS = 3


def scores(reports: Mapping[str, StageReport]) -> list[str]:
    """Every table of the evaluation as it stands, and the bounds of the gate."""
    report = reports["evaluate"]
    lines = score_lines(report)
    parts = ["## Scores"]
    if lines is not None and lines["sentence"]:
        parts.append(markdown_text(lines["sentence"]))
    for table in (table for table in report.tables if table.name != DOCUMENTS):
        parts += [f"### {markdown_text(table.title)}", _table(table)]
        if len(table.rows) > ROWS:
            parts.append(f"{len(table.rows) - ROWS} more rows are in the evaluation's report.")
        if table.note:
            parts.append(markdown_text(table.note))
    gate = reports.get("model_gate")
    if gate is not None and gate.checks:
        rows = [
            [line["result"], line["metric"], line["value"], line["bound"], line["reason"]]
            for line in check_lines(gate.checks)
        ]
        parts += ["### Bounds that a model has to meet"]
        parts.append(markdown_table(["result", "metric", "value", "must be", "why"], rows, numeric={2, 3}))
    return parts


def writing(report: StageReport) -> list[str]:
    """The first seeded continuations, quoted."""
    samples = [sample for sample in report.samples if sample.group == "generations"][:GENERATIONS]
    if not samples:
        return []
    quotes = [f"> {markdown_text(sample.text)}" for sample in samples]
    return ["## What it writes", "Drawn with a fixed seed, not chosen.", *quotes]


def _table(table: Table) -> str:
    grid = table_grid(table, ROWS)
    names = [str(column["name"]) for column in grid["columns"]]
    numeric = {place for place, column in enumerate(grid["columns"]) if column["numeric"]}
    rows = [[cell["text"] for cell in row] for row in (*grid["rows"], *grid["folded"])]
    return markdown_table(names, rows, numeric=numeric)
