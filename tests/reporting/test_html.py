"""Stage pages: whole, safe, small, the same bytes every time."""

import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from bessemer.reporting.grid import table_grid
from bessemer.reporting.html import PAGE_BYTES, is_current, render_stage_page, stage_page
from bessemer.reporting.report import StageReport, Table, check, read_report, write_report
from bessemer.reporting.untrusted import neutralise
from tests.reporting.examples import HOSTILE, curate_report, hostile_report

HEAD = {"html", "head", "meta", "title", "style", "body"}
PARTS = {"header", "main", "footer", "nav", "section", "div", "dl", "dt", "dd", "details", "summary", "figure"}
WORDS = {"h1", "h2", "h3", "p", "span", "b", "i", "code", "a", "small", "mark", "figcaption"}
TABLES = {"table", "thead", "tbody", "tfoot", "tr", "th", "td"}
DRAWINGS = {"svg", "g", "path", "text", "use", "defs", "clippath", "rect"}
ALLOWED = HEAD | PARTS | WORDS | TABLES | DRAWINGS
VOID = {"meta"}


class Page(HTMLParser):
    """What a browser would make of a page: elements, attributes, text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture(scope="module")
def hostile_page() -> str:
    return stage_page(hostile_report())


@pytest.fixture(scope="module")
def hostile(hostile_page: str) -> Page:
    return Page(hostile_page)


def test_a_hostile_crawl_adds_no_element(hostile: Page) -> None:
    assert {tag for tag, _ in hostile.elements} <= ALLOWED
    assert hostile.open == []
    assert [tag for tag, _ in hostile.elements].count("style") == 1


def test_a_hostile_crawl_adds_no_attribute_and_no_address(hostile: Page) -> None:
    for tag, attributes in hostile.elements:
        assert not [name for name in attributes if name.startswith("on") or name in {"src", "srcset", "action"}]
        assert (attributes.get("href") or "#").startswith("#"), tag


@pytest.mark.parametrize("name", sorted(set(HOSTILE) - {"long"}))
def test_hostile_text_is_shown_as_it_is(hostile: Page, name: str) -> None:
    assert neutralise(HOSTILE[name]) in hostile.texts


def test_nothing_hidden_reaches_the_page(hostile_page: str) -> None:
    assert neutralise(hostile_page) == hostile_page


def test_a_page_needs_nothing_else(hostile: Page) -> None:
    style = next(text for text in hostile.texts if ":root" in text)
    assert "url(" not in style
    assert "@import" not in style
    policy = next(a["content"] for tag, a in hostile.elements if tag == "meta" and "http-equiv" in a)
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_ids_are_unique_and_every_jump_lands() -> None:
    page = Page(stage_page(curate_report()))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    jumps = {(attributes["href"] or "")[1:] for tag, attributes in page.elements if tag == "a"}
    assert jumps
    assert jumps <= set(ids)


def test_a_report_with_many_samples_is_cut_to_size_and_says_so() -> None:
    page = stage_page(curate_report(scale=120))
    assert len(page.encode()) < PAGE_BYTES
    assert "more in summary.json" in page
    assert "more pairs are in summary.json" in page
    assert "more rows are in summary.json" in page


def test_hostile_lengths_do_not_make_a_page_large(hostile_page: str) -> None:
    assert len(hostile_page.encode()) < PAGE_BYTES


def test_a_report_without_parts_has_no_empty_sections() -> None:
    page = Page(stage_page(StageReport(stage="check", title="Parameters", summary="All known.")))
    assert "section" not in {tag for tag, _ in page.elements}


def test_failed_checks_come_first_and_set_the_status() -> None:
    checks = [
        check("kept", 0.5, ">=", 0.1, severity="error", reason="enough"),
        check("families", 9, "<=", 1, severity="warn", reason="boilerplate"),
        check("documents", 0, ">=", 1, severity="error", reason="nothing to train on"),
    ]
    texts = [
        text.strip() for text in Page(stage_page(StageReport(stage="g", title="T", summary="S", checks=checks))).texts
    ]
    assert "1 of 3 checks failed" in texts
    assert texts.index("failed") < texts.index("warning") < texts.index("passed")


def test_a_page_made_from_summary_json_is_the_same_page(tmp_path: Path) -> None:
    report = curate_report()
    write_report(report, tmp_path)
    first = render_stage_page(read_report(tmp_path), tmp_path).read_bytes()
    code = (
        "import sys; from pathlib import Path; from bessemer.reporting.html import render_stage_page as r;"
        "from bessemer.reporting.report import read_report as i; d = Path(sys.argv[1]); r(i(d), d)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "123", "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, env=environment, timeout=300)
    assert (tmp_path / "index.html").read_bytes() == first


def test_a_page_knows_whether_it_is_of_this_report(tmp_path: Path) -> None:
    report = curate_report()
    page = tmp_path / "index.html"
    assert not is_current(page, report)
    render_stage_page(report, tmp_path)
    assert is_current(page, report)
    assert not is_current(page, report.model_copy(update={"summary": "Other."}))


def test_the_most_telling_column_of_a_table_has_bars_as_long_as_its_numbers() -> None:
    rows: list[list[int | float | str | None]] = [["crawl", 200, 0.5], ["books", 100, 1.0], ["none", 7, None]]
    grid = table_grid(Table(name="t", title="T", columns=["source", "documents", "kept_fraction"], rows=rows), 9)
    assert [[cell["width"] for cell in row] for row in grid["rows"]] == [
        [None, None, 50.0],
        [None, None, 100.0],
        [None, None, 0.0],
    ]
    lone = table_grid(Table(name="t", title="T", columns=["source", "documents"], rows=[["crawl", 200]]), 9)
    assert lone["rows"][0][1]["width"] is None


def test_shares_shade_their_cells_and_nothing_is_written_where_there_is_none() -> None:
    rows: list[list[int | float | str | None]] = [["too_short", 0.64, 0.0], *[[f"r{n}", 0.16, 1.0] for n in range(30)]]
    grid = table_grid(Table(name="t", title="T", columns=["reason", "web_crawl", "b"], rows=rows, shares=True), 99)
    assert [column["name"] for column in grid["columns"]] == ["Reason", "web_crawl", "b"]
    assert [cell["text"] for cell in grid["rows"][0]] == ["too_short", "64.0\u00a0%", ""]
    assert [cell["shade"] for cell in grid["rows"][0]] == [None, 80.0, 0.0]
    assert (len(grid["rows"]), grid["folded"]) == (31, [])


def test_a_page_shades_the_cells_of_shares_and_no_others() -> None:
    plain = Table(name="t", title="T", columns=["reason", "crawl"], rows=[["too_short", 0.64], ["quality", 1.0]])
    page = stage_page(curate_report().model_copy(update={"tables": [plain]}))
    shaded = stage_page(curate_report().model_copy(update={"tables": [plain.model_copy(update={"shares": True})]}))
    assert 'style="--s:80%"' in shaded
    assert 'style="--s:' not in page
