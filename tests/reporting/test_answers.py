"""Each of the first screens begins with the answer in one sentence, and says nothing that no report says."""

from pathlib import Path

import pytest

from bessemer.filters.rules import Reason
from bessemer.reporting.answers import came_in, lost, reached
from bessemer.reporting.corpus import short_funnel
from bessemer.reporting.families import OTHER, by_family, family_of
from bessemer.reporting.overall import render_overall_page
from bessemer.reporting.report import Count, Drop, StageReport, Table, check, write_report
from bessemer.reporting.scores import scored_texts
from bessemer.reporting.states import StageState
from tests.reporting.test_html import Page


def ingest() -> StageReport:
    rows: list[list[int | float | str | None]] = [["books", 10, 1_000_000], ["web_pages", 90, 3_000_000]]
    return StageReport(
        stage="ingest",
        title="Ingest",
        summary="",
        counts=[
            Count(label="read", records=120, bytes=900_000),
            Count(label="documents", documents=100, bytes=4_000_000),
        ],
        metrics={"records_read": 120, "records_quarantined": 3},
        tables=[Table(name="sources", title="Sources", columns=["source", "documents", "text bytes"], rows=rows)],
    )


def language() -> StageReport:
    rows: list[list[int | float | str | None]] = [["en", 80, 3_000_000], ["xx", 20, 1_000_000]]
    return StageReport(
        stage="language",
        title="Language",
        summary="",
        tables=[Table(name="languages", title="Languages", columns=["language", "documents", "bytes"], rows=rows)],
    )


def curate() -> StageReport:
    return StageReport(
        stage="curate",
        title="Curate",
        summary="",
        counts=[
            Count(label="ingested", documents=100, bytes=4_000_000),
            Count(label="kept", documents=60, bytes=2_000_000),
        ],
        drops=[
            Drop(reason="quality", documents=30, bytes=1_500_000),
            Drop(reason="top_2_gram", documents=6, bytes=100_000),
            Drop(reason="duplicate_lines", documents=4, bytes=400_000),
        ],
    )


def shard() -> StageReport:
    counts = [
        Count(label="curated", documents=60, bytes=2_000_000),
        Count(label="train", documents=50, bytes=1_600_000, tokens=400_000),
        Count(label="validation", documents=2, bytes=60_000, tokens=9_000),
    ]
    drops = [Drop(reason="validation_overlap", documents=8, bytes=340_000)]
    return StageReport(stage="shard", title="Shard", summary="", counts=counts, drops=drops)


def pretrain(tokens: int = 100_000) -> StageReport:
    return StageReport(
        stage="pretrain",
        title="Pretraining",
        summary="",
        counts=[Count(label="tokens read", tokens=tokens)],
        checks=[check("skipped_steps", 2, "<=", 0, severity="warn", reason="the learning rate may be too high")],
    )


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def test_every_reason_of_the_policy_has_a_family() -> None:
    assert [reason.value for reason in Reason if family_of(reason.value) is OTHER] == []


def test_families_add_up_their_reasons_and_come_largest_first() -> None:
    found = by_family(curate().drops)
    assert [(loss.family.title, loss.documents, loss.bytes) for loss in found] == [
        ("Little like good text", 30, 1_500_000),
        ("Repeats itself", 10, 500_000),
    ]


def test_what_came_in_is_said_in_one_sentence_with_the_main_language_by_name() -> None:
    answer = came_in({"ingest": ingest(), "language": language()})
    assert answer is not None
    expected = "4.0 MB of text came in: 100 documents from 2 sources in 2 languages, 75.0 % of it English."
    assert plain(answer["sentence"]) == expected
    assert [line["label"] for line in answer["sources"]["lines"]] == ["Web pages", "Books"]
    assert [line["label"] for line in answer["languages"]["lines"]] == ["English", "xx"]


def test_one_language_is_one_language() -> None:
    report = language()
    only = report.tables[0].model_copy(update={"rows": report.tables[0].rows[:1]})
    answer = came_in({"ingest": ingest(), "language": report.model_copy(update={"tables": [only]})})
    assert answer is not None
    assert " in 1 language, " in answer["sentence"]


def test_what_was_lost_is_counted_over_all_stages_and_led_by_the_commonest_kind_of_reason() -> None:
    answer = lost({"ingest": ingest(), "curate": curate(), "shard": shard()})
    assert answer is not None
    assert plain(answer["sentence"]) == (
        "48 of 100 documents (48.0 %) were left out, most of them (62.5 %) because a classifier found them little like "
        "good text."
    )


def test_the_short_funnel_goes_from_raw_bytes_to_the_tokens_that_were_read() -> None:
    reports = {"ingest": ingest(), "curate": curate(), "shard": shard(), "pretrain": pretrain()}
    lines = [
        (line["label"], [plain(cell) for cell in line["cells"]], plain(line["share"])) for line in short_funnel(reports)
    ]
    assert lines == [
        ("Raw files", ["", "900 kB", ""], ""),
        ("Documents found", ["100", "4.0 MB", ""], "100 %"),
        ("Kept by the rules", ["60", "2.0 MB", ""], "50.0 %"),
        ("To train on", ["50", "1.6 MB", "400,000"], "40.0 %"),
        ("Read in training", ["", "", "100,000"], "10.0 %"),
    ]
    again = short_funnel({**reports, "pretrain": pretrain(tokens=900_000)})
    assert plain(again[-1]["share"]) == "40.0 %"


@pytest.mark.parametrize(("bits", "words"), [(2.0, "20.0 % less"), (3.0, "20.0 % more")])
def test_the_model_stands_beside_the_compressor_whichever_is_better(bits: float, words: str) -> None:
    metrics: dict[str, int | float | str] = {
        "validation_bits_per_byte": 1.0,
        "validation_xz_bits_per_byte": 2.0,
        "reference_english_bits_per_byte": bits,
        "reference_english_xz_bits_per_byte": 2.5,
    }
    answer = scored_texts(StageReport(stage="evaluate", title="", summary="", metrics=metrics))
    better = 2 if bits < 2.5 else 1
    assert plain(answer["sentence"]) == (
        f"Unseen English takes the model {bits:.3f} bits per byte, {words} than xz, a compressor; "
        f"it is better than xz on {better} of 2 kinds of text."
    )


def test_a_screen_whose_stage_has_no_report_is_left_out() -> None:
    assert (came_in({}), lost({}), reached({})) == (None, None, None)


def test_the_page_leads_with_the_four_answers_and_names_what_did_not_hold(tmp_path: Path) -> None:
    stages = [ingest(), language(), curate(), shard(), pretrain()]
    for report in stages:
        write_report(report, tmp_path / "reports" / report.stage)
    states = [StageState(report.stage, "ran", wall_s=1.0) for report in stages]
    page = render_overall_page(tmp_path, "one", states, []).read_text()
    anchors = [attributes["id"] for tag, attributes in Page(page).elements if tag == "section"]
    assert anchors[:5] == ["in", "lost", "reached", "cost", "line"]
    text = plain(" ".join(" ".join(Page(page).texts).split()))
    assert "All 5 stages ran." in text
    assert "pretrain : Skipped steps 2, should be at most 0: the learning rate may be too high." in text
