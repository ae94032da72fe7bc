"""The markdown of a report: short, complete, inert."""

from itertools import pairwise

from markdown_it import MarkdownIt

from bessemer.reporting.markdown import markdown
from bessemer.reporting.report import StageReport
from tests.reporting.examples import curate_report, hostile_report

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def cells(text: str) -> list[str]:
    tokens = READER.parse(text)
    return [
        "".join(child.content for child in token.children or [])
        for before, token in pairwise(tokens)
        if before.type in ("td_open", "th_open")
    ]


def test_checks_funnel_drops_and_metrics_are_there() -> None:
    found = cells(markdown(curate_report()))
    expected = {
        "warning",
        "at most 25",
        "Ingested",
        "9,120",
        "48.3 MB",
        "Near duplicate",
        "1.612 bits/byte",
    }
    assert expected <= set(found)


def test_samples_are_left_to_the_page() -> None:
    assert "whale" not in markdown(curate_report())


def test_hostile_words_stay_in_their_cells() -> None:
    text = markdown(hostile_report())
    kinds = {child.type for token in READER.parse(text) for child in token.children or []}
    assert kinds <= {"text", "text_special", "strong_open", "strong_close"}
    blocks = {token.type.rsplit("_", 1)[0] for token in READER.parse(text)}
    assert blocks <= {"heading", "paragraph", "table", "thead", "tbody", "tr", "th", "td", "inline"}


def test_a_bare_report_is_two_lines() -> None:
    text = markdown(StageReport(stage="check", title="Parameters", summary="All known."))
    assert text == "### Parameters\n\n**Done.** All known.\n"
