"""Heatmaps of ``curate``: the right source on the right side, and none that matters left out."""

from pathlib import Path

from bessemer.curation_heatmaps import SOURCES_SHOWN, duplicates_by_source, reasons_by_source
from bessemer.shards import read_directory
from stages import layout
from tests.corpora import document, run_curate, write_corpus

MANY = {f"s{number:02d}": 1000 - number for number in range(SOURCES_SHOWN)}


def test_a_row_is_where_documents_are_dropped_and_a_column_where_their_look_alikes_are_kept(tmp_path: Path) -> None:
    poems = [document(number, source="poems", words=500) for number in (3, 4)]
    twins = [document(1, group="twins", words=600), document(5, group="twins", words=500, source="poems")]
    write_corpus(tmp_path, {"a": [*twins, document(2, words=500)], "b": poems})
    report, _ = run_curate(tmp_path)
    (dropped,) = (row for row in read_directory(tmp_path / layout.LEDGER).to_pylist() if row["reason"])
    assert (int(dropped["id"], 16), int(dropped["evidence_id"], 16)) == (5, 1)
    tables = {table.name: table for table in report.tables}
    assert tables["duplicates_sources"].columns == ["dropped from", "novels", "poems"]
    assert tables["duplicates_sources"].rows == [["novels", 0.0, 0.0], ["poems", 1 / 3, 0.0]]
    assert tables["reasons_sources"].rows == [["exact_duplicate", 0.0, 1 / 3]]


def test_without_duplicates_there_are_no_rows(tmp_path: Path) -> None:
    write_corpus(tmp_path, {"a": [document(1, words=500)], "b": []})
    report, _ = run_curate(tmp_path)
    assert [table.rows for table in report.tables if table.shares] == [[], []]


def test_a_small_source_that_repeats_a_large_one_is_shown() -> None:
    table = duplicates_by_source({("tiny", "s00"): 5}, {**MANY, "tiny": 5})
    assert table.columns == ["dropped from", "s00", "tiny"]
    assert table.rows == [["s00", 0.0, 0.0], ["tiny", 1.0, 0.0]]
    assert "largest" not in table.note


def test_of_many_sources_the_largest_are_shown_and_no_row_is_blank() -> None:
    cells = {(source, "en", ""): count for source, count in MANY.items()}
    cells |= {("s03", "en", "too_short"): 3, ("tiny", "en", "quality"): 1}
    table = reasons_by_source(cells, {**MANY, "s03": MANY["s03"] + 3, "tiny": 1})
    assert table.columns == ["reason", *sorted(MANY)]
    assert [row[0] for row in table.rows] == ["too_short"]
    assert f"The {SOURCES_SHOWN} largest of {SOURCES_SHOWN + 1} sources." in table.note
