"""The page of a run tells what this run vouches for, and nothing else."""

import json
from pathlib import Path

import pytest

from bessemer.reporting.corpus import corpus_funnel, losses
from bessemer.reporting.kept import shortened
from bessemer.reporting.overall import render_overall_page
from bessemer.reporting.report import Count, Drop, Sample, StageReport, write_report
from bessemer.reporting.scores import score_lines
from bessemer.reporting.states import StageState
from tests.reporting.examples import HOSTILE, curate_report
from tests.reporting.test_html import ALLOWED, Page

EDGES = [("ingest", "curate"), ("curate", "evaluate")]


def evaluation(bits: float = 1.612) -> StageReport:
    text = HOSTILE["script"]
    return StageReport(
        stage="evaluate",
        title="Evaluation",
        summary="Scores.",
        metrics={"reference_english_bits_per_byte": bits, "reference_english_xz_bits_per_byte": 2.39},
        samples=[Sample(group="generation", id="1", source="model", text=text, facts={"temperature": 0.8})],
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for report in (curate_report(), evaluation()):
        write_report(report, tmp_path / "reports" / report.stage)
    record(tmp_path, "one", "curate", wall_s=12.0, cpu_s=20.0)
    return tmp_path


def record(root: Path, run: str, stage: str, **facts: object) -> None:
    path = root / ".runs" / run / f"{stage}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"exit_code": 0, "host": "box", "peak_memory_bytes": 5_000_000, **facts}))


def states(*names: str) -> list[StageState]:
    return [StageState(stage, state) for stage, state in zip(("ingest", "curate", "evaluate"), names, strict=True)]


def text_of(path: Path) -> str:
    return " ".join(" ".join(Page(path.read_text()).texts).split()).replace("\u00a0", " ")


def test_results_are_joined_with_the_facts_of_the_run(root: Path) -> None:
    page = render_overall_page(root, "one", states("ran", "ran", "ran"), EDGES)
    text = text_of(page)
    assert page == root / ".runs/one/html/index.html"
    for expected in ("1.612 bits/byte", "xz needs 2.390", "6,204", "12 s", "5.0 MB", "32.6 % less"):
        assert expected in text


def test_a_stage_that_was_skipped_shows_no_number_of_an_earlier_run(root: Path) -> None:
    text = text_of(render_overall_page(root, "one", states("ran", "gate_failed", "skipped"), EDGES))
    assert "Stopped at curate: gate failed" in text
    assert "bits/byte" not in text.replace("1.612 bits/byte", "", text.count("Reference english bits per byte"))
    assert "What it writes" not in text
    assert not (root / ".runs/one/html/evaluate.html").exists()


def test_why_a_stage_failed_stands_at_the_top(root: Path) -> None:
    record(root, "one", "ingest", exit_code=4, error="data/raw is not there. Correct the path.")
    page = render_overall_page(root, "one", states("failed", "skipped", "skipped"), EDGES)
    head = page.read_text().partition("<main>")[0]
    assert "data/raw is not there. Correct the path." in head


def test_stage_pages_stand_beside_it_and_lead_back(root: Path) -> None:
    page = render_overall_page(root, "one", states("ran", "cached", "ran"), EDGES)
    links = {a.get("href") for tag, a in Page(page.read_text()).elements if tag == "a"}
    assert {"curate.html", "evaluate.html"} <= links
    assert '<a href="index.html">run one</a>' in (page.parent / "curate.html").read_text()


def test_a_generation_that_is_markup_stays_text(root: Path) -> None:
    page = Page(render_overall_page(root, "one", states("ran", "ran", "ran"), EDGES).read_text())
    assert {tag for tag, _ in page.elements} <= ALLOWED
    assert HOSTILE["script"] in page.texts


def test_it_works_without_any_report_or_record(tmp_path: Path) -> None:
    page = render_overall_page(tmp_path, "empty", [StageState("check", "failed", why="Unknown key.")], [])
    assert "Unknown key." in text_of(page)


def test_what_the_cache_saved_is_the_time_of_the_last_run_that_worked(root: Path) -> None:
    record(root, "old", "curate", wall_s=99.0, finished=1.0)
    record(root, "older-but-failed", "curate", wall_s=500.0, finished=9.0, exit_code=1)
    record(root, "one", "curate", wall_s=75.0, finished=5.0)
    text = text_of(render_overall_page(root, "two", states("cached", "cached", "cached"), EDGES))
    assert "Saved 1 min 15 s" in text


def test_numbers_that_moved_since_the_last_good_run_are_listed(root: Path) -> None:
    for run, started, code in (("one", 1, 0), ("bad", 2, 4), ("two", 3, 0)):
        facts = {"run": run, "started": started, "exit_code": code, "wall_s": 60}
        (root / f".runs/{run}").mkdir(parents=True, exist_ok=True)
        (root / f".runs/{run}/run.json").write_text(json.dumps(facts))
    render_overall_page(root, "one", states("ran", "ran", "ran"), EDGES)
    render_overall_page(root, "bad", states("failed", "skipped", "skipped"), EDGES)
    write_report(evaluation(1.451), root / "reports/evaluate")
    text = text_of(render_overall_page(root, "two", states("cached", "cached", "ran"), EDGES))
    assert "What changed since the last good run, one" in text
    assert "1.612 bits/byte 1.451 bits/byte −0.161 bits/byte −10.0 %" in text


def test_an_old_run_drawn_again_keeps_its_numbers_and_shows_those_it_had(root: Path) -> None:
    kept = root / ".runs/one/results/evaluate.json"
    kept.parent.mkdir()
    kept.write_bytes(shortened(evaluation()))
    first = text_of(render_overall_page(root, "one", states("ran", "ran", "ran"), EDGES))
    assert "owned" in first
    metrics = (root / ".runs/one/metrics.json").read_bytes()
    own = root / "reports/evaluate/index.html"
    own.unlink()
    write_report(evaluation(1.451), root / "reports/evaluate")
    write_report(curate_report().model_copy(update={"metrics": {"documents_kept": 7}}), root / "reports/curate")
    page = render_overall_page(root, "one", states("ran", "ran", "ran"), EDGES)
    assert "1.612 bits/byte" in text_of(page)
    assert "1.451" not in text_of(page) + text_of(page.with_name("evaluate.html"))
    assert "6,204" not in text_of(page)
    assert (root / ".runs/one/metrics.json").read_bytes() == metrics
    assert not own.exists()


def test_the_funnel_runs_through_all_stages_without_repeating_a_line() -> None:
    def report(stage: str, *counts: Count) -> StageReport:
        return StageReport(stage=stage, title=stage, summary="", counts=list(counts))

    read, documents = Count(label="Records", records=100), Count(label="Documents", documents=90, bytes=900)
    quarantined, parsed = Count(label="Quarantined", records=10), Count(label="Parsed", records=90)
    ingested, kept = Count(label="Ingested", documents=90, bytes=900), Count(label="Kept", documents=50, bytes=400)
    curated = Count(label="Curated", documents=50, bytes=400, tokens=120)
    train = Count(label="Train", documents=45, bytes=360, tokens=110)
    reports = {
        "ingest": report("ingest", read, quarantined, parsed, documents),
        "curate": report("curate", ingested, kept),
        "shard": report("shard", curated, train),
    }
    lines = corpus_funnel(reports)
    assert [line.label for line in lines] == ["Records", "Parsed", "Documents", "Kept", "Train"]
    assert lines[3].tokens == 120


def test_losses_of_a_reason_add_up_over_stages() -> None:
    def report(stage: str) -> StageReport:
        return StageReport(stage=stage, title="", summary="", drops=[Drop(reason="overlap", documents=2, bytes=5)])

    assert losses({"curate": report("curate"), "shard": report("shard"), "quality": report("quality")}) == [
        Drop(reason="overlap", documents=4, bytes=10)
    ]


def test_a_model_worse_than_the_compressor_is_said_to_be_worse() -> None:
    lines = score_lines(evaluation(2.868))
    assert lines is not None
    assert "20.0\u00a0% more" in lines["sentence"]
