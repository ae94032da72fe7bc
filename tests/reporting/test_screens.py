"""In a real browser, each of the four answers fits one screen, nothing sticks out, and nothing is asked for."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bessemer.reporting.corpus import FLOW
from bessemer.reporting.families import FAMILIES
from bessemer.reporting.overall import render_overall_page
from bessemer.reporting.report import Count, Drop, Sample, Series, StageReport, Table, write_report
from bessemer.reporting.states import StageState
from tests.chromium import chromium_path
from tests.reporting.examples import hostile_report
from tests.reporting.pictures import DESK, PHONE, chromium, opened
from tests.reporting.test_in_run import facts

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(chromium_path() is None, reason="no Chromium on this machine"),
]
ANSWERS = ("in", "lost", "reached", "cost")
STAGES = (
    "check",
    "ingest",
    "language",
    "classifier",
    "quality",
    "dedup",
    "decontaminate",
    "curate",
    "tokenizer",
    "shard",
)
REST = ("corpus_gate", "pretrain", "evaluate", "model_gate")
MANY = 20


def full(stage: str) -> StageReport:
    """A report of a stage with more of everything than the page shows at first."""
    names = [f"a_source_with_a_rather_long_name_{number}" for number in range(MANY)]
    tables = [
        Table(name="languages", title="L", columns=["language", "documents", "bytes"], rows=[[n, 9, 10] for n in names])
    ]
    columns = {
        "ingest": ["source", "documents", "text bytes"],
        "curate": ["source", "ingested_bytes", "kept_bytes"],
    }
    if stage in columns:
        tables = [Table(name="sources", title="S", columns=columns[stage], rows=[[n, 10**9, 10**8] for n in names])]
    counts = [Count(label="read", records=10**9, bytes=10**12), Count(label="train", documents=10**8, bytes=10**11)]
    curves = [[float(step), 9 / step] for step in range(1, 400)]
    metrics: dict[str, int | float | str] = {"parameters": 10**10, "tokens": 10**12, "epochs": 1.5, "steps": 10**6}
    for name in ("reference_english", "reference_languages", "validation"):
        metrics |= {f"{name}_bits_per_byte": 0.8, f"{name}_xz_bits_per_byte": 2.2}
    metrics |= dict.fromkeys(("records_read", "records_skipped", "records_quarantined", "stored_bytes"), 10**10)
    return StageReport(
        stage=stage,
        title=stage,
        summary="A sentence of usual length about what this stage has done to the text that came in.",
        counts=counts if stage in FLOW else [],
        drops=[Drop(reason=family.starts[0], documents=10**6, bytes=10**9) for family in FAMILIES]
        if stage == "curate"
        else [],
        metrics=metrics,
        tables=tables,
        series=[Series(name=n, title=n, x="tokens", y=[n], rows=curves) for n in ("loss", "bits")],
        samples=[Sample(group="g", id="1", source="model", text="word " * 200, facts={"prompt": "Once"})],
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("checkout")
    facts(root, "one", 1, "")
    names = [*STAGES, *REST]
    for name in names:
        write_report(full(name), root / "reports" / name)
    states = [StageState(name, "ran", "curate.length.min_words changed from 50 to 80", 3600.0) for name in names]
    return render_overall_page(root, "one", states, list(pairwise(names)))


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    with chromium() as started:
        yield started


def test_each_answer_fits_one_screen_of_a_desk_even_with_more_than_it_shows(browser: "Browser", page: Path) -> None:
    with opened(browser, page, DESK) as (_, seen):
        assert {name: seen.heights[name] for name in ANSWERS if seen.heights[name] > DESK[1]} == {}


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("size", [DESK, PHONE])
def test_nothing_sticks_out_and_nothing_is_said_or_asked_for(
    browser: "Browser", page: Path, size: tuple[int, int], dark: bool
) -> None:
    for path in (page, page.with_name("curate.html")):
        with opened(browser, path, size, dark=dark) as (_, seen):
            assert seen.width <= size[0]
            assert seen.said == []
            assert seen.asked == [path.resolve().as_uri()]


def test_a_hostile_stage_beside_a_run_says_and_asks_for_nothing(browser: "Browser", tmp_path: Path) -> None:
    facts(tmp_path, "one", 1, "")
    write_report(hostile_report().model_copy(update={"series": []}), tmp_path / "reports/curate")
    page = render_overall_page(tmp_path, "one", [StageState("curate", "ran", "<script>alert(1)</script>", 1.0)], [])
    for path in (page, page.with_name("curate.html")):
        with opened(browser, path, PHONE) as (shown, seen):
            assert (seen.said, seen.asked) == ([], [path.resolve().as_uri()])
            assert "owned" not in shown.title().replace("document.title='owned'", "")
