"""Extraction and language beside bare libraries: small inputs go all the way, and ratios are of the printed speeds."""

import json
from pathlib import Path

import pytest

from benchmarks import extract, language
from benchmarks.passes import Passes
from benchmarks.tables import Table
from benchmarks.workers import OURS

PAGES = extract.SAMPLE / "docs-00000.warc.gz"
TEXTS = ["The river that had run to the mill was dry by August, and nobody knew why.\n" * 3, "Der Fluss war trocken."]


def printed(table: Table) -> list[tuple[str, float, str]]:
    """System, speed and ratio of each row."""
    return [(row[0], float(row[1].replace(",", "")), row[3]) for row in table.rows]


def test_speeds_are_medians_of_seconds_of_cpu_and_the_ratio_is_of_what_is_printed() -> None:
    rounds = [{"documents": 10, "cpu_s": seconds, "wall_s": 2 * seconds} for seconds in (0.5, 0.3, 1.0)]
    passes = Passes({OURS: rounds, "peer": [{"documents": 10, "cpu_s": 3.0, "wall_s": 4.0}]})
    assert passes.row(OURS, OURS) == [OURS, "20.0", "10.0", "", "10"]
    assert passes.row("peer", OURS) == ["peer", "3.3", "2.5", "6.061", "10"]
    assert passes.ratio(OURS, "peer") == round(20.0 / 3.3, 3)
    assert passes.ratio(OURS, "other") is None


def test_the_pages_of_a_web_archive_are_extracted_by_all_systems(tmp_path: Path) -> None:
    given = tmp_path / "some.warc.gz"
    assert extract.cut(PAGES, 6, given) == 6
    flat, (speeds, texts) = extract.measure_all(
        given, extract.Size(copies=1, starts=2, rounds=1, slow_pages=4, slow_rounds=1)
    )
    assert list(flat) == ["pages_per_s", "vs_resiliparse", "vs_trafilatura", "text_agreement"]
    (_, ours, _), (_, bare, ratio), (_, again, _), (_, slow, slow_ratio) = printed(speeds)
    assert [row[-1] for row in speeds.rows] == ["6", "6", "4", "4"]
    assert flat["pages_per_s"] == ours
    assert flat["vs_resiliparse"] == pytest.approx(ours / bare, abs=6e-4) == float(ratio)
    assert flat["vs_trafilatura"] == pytest.approx(again / slow, abs=6e-4) == float(slow_ratio)
    assert texts.rows[0][1:3] == ["6", "6"]
    assert 0 <= (flat["text_agreement"] or 0) <= 1
    assert json.loads(json.dumps(flat)) == flat


def test_a_page_agrees_by_its_text_and_one_that_ours_leaves_out_must_be_empty() -> None:
    ours = {"a": extract.digest("one  two\n"), "b": extract.digest("three")}
    theirs = {"a": extract.digest("one two"), "b": extract.digest("four"), "c": extract.digest(" "), "d": "x"}
    assert extract.agreement(ours, theirs) == 0.5


def test_the_languages_of_documents_are_told_by_all_systems() -> None:
    flat, (speeds, languages) = language.measure_all(TEXTS, rounds=1)
    assert list(flat) == ["documents_per_s", "vs_fasttext", "label_agreement"]
    (_, ours, _), (_, whole, ratio), _ = printed(speeds)
    assert flat["documents_per_s"] == ours
    assert flat["vs_fasttext"] == pytest.approx(ours / whole, abs=6e-4) == float(ratio)
    assert [row[1:] for row in languages.rows] == [["1.0000", "2"]] * 2
    assert flat["label_agreement"] == 1.0
