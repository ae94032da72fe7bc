"""Cutting evaluation text out of documents: what stays, what is dropped, and that no byte is unaccounted for."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bessemer.corpus import CorpusPaths
from bessemer.cutting import Parts, cut_parts
from bessemer.shards import directory_digest, read_directory, write_manifest, write_shard
from bessemer.whatif import what_if
from tests.corpora import document, run_curate, write_corpus

CUT = {"contamination": {"cut": True}}
TEXT = "Kept beginning. LEAKED TEXT of an exam. Kept end."


def leak(text: str = TEXT) -> list[int]:
    start = text.index("LEAKED")
    return [start, start + len("LEAKED TEXT of an exam")]


def corpus(root: Path) -> None:
    rows = [
        document(1, TEXT, evaluation="exam", overlap=0.1, reverse_overlap=0.1, spans=leak(), clean_words=30),
        document(2, TEXT + " ", evaluation="exam", overlap=0.1, spans=leak(), clean_words=19),
        document(3, TEXT + "  ", evaluation="exam", overlap=0.5, reverse_overlap=0.1, spans=leak(), clean_words=30),
        document(4),
    ]
    write_corpus(root, {"a": rows[:1], "b": rows[1:]})


def fates(root: Path) -> dict[int, str | None]:
    return {int(row["id"], 16): row["reason"] for row in read_directory(CorpusPaths().under(root).ledger).to_pylist()}


def test_evaluation_text_is_cut_out_and_too_short_a_rest_is_dropped(tmp_path: Path) -> None:
    corpus(tmp_path)
    report, _ = run_curate(tmp_path, CUT)
    assert fates(tmp_path) == {1: None, 2: "contaminated_rest", 3: "contaminated", 4: None}
    curated = read_directory(CorpusPaths().under(tmp_path).curated).to_pylist()
    assert curated[0]["text"] == "Kept beginning. . Kept end."
    assert curated[0]["cut_bytes"] == len("LEAKED TEXT of an exam")
    assert curated[1]["cut_bytes"] == 0
    assert (report.metrics["cut_contaminations"], report.metrics["cut_parts"]) == (1, 0)
    (table,) = (table for table in report.tables if table.name == "redactions")
    assert ["contamination", "", 1, len("LEAKED TEXT of an exam"), 0] in table.rows
    assert not report.failed
    (row,) = (
        row for row in read_directory(CorpusPaths().under(tmp_path).ledger).to_pylist() if int(row["id"], 16) == 2
    )
    assert (row["value"], row["threshold"], row["evidence_id"]) == (19, 20, "exam")


def test_without_limits_everything_is_cut_and_by_default_nothing_is(tmp_path: Path) -> None:
    corpus(tmp_path)
    run_curate(tmp_path, {"contamination": {"cut": True, "max_overlap": None, "max_reverse_overlap": None}})
    assert fates(tmp_path) == {1: None, 2: "contaminated_rest", 3: None, 4: None}
    run_curate(tmp_path)
    assert fates(tmp_path) == {1: None, 2: None, 3: "contaminated", 4: None}
    texts = read_directory(CorpusPaths().under(tmp_path).curated).column("text").to_pylist()
    assert texts[:2] == [TEXT, TEXT + " "]


def test_whatif_says_what_cutting_drops(tmp_path: Path) -> None:
    corpus(tmp_path)
    run_curate(tmp_path)
    moves = what_if(tmp_path, {"contamination.cut": True}).moves
    assert {key: amount.documents for key, amount in moves.items()} == {
        ("", ""): 2,
        ("", "contaminated_rest"): 1,
        ("contaminated", "contaminated"): 1,
    }


@pytest.mark.parametrize("edge", ["first", "last"])
def test_personal_data_that_a_cut_touches_goes_with_it(tmp_path: Path, edge: str) -> None:
    number = "4539 1488 0343 6467"
    text = f"Kept {number} LEAKED TEXT" if edge == "first" else f"LEAKED TEXT {number} kept"
    start = text.index("0343 6467 LEAKED") if edge == "first" else 0
    end = len(text) if edge == "first" else text.index(" 0343 6467 kept")
    write_corpus(tmp_path, {"a": [document(1, text, evaluation="exam", spans=[start, end], clean_words=30)]})
    report, _ = run_curate(tmp_path, CUT)
    (row,) = read_directory(CorpusPaths().under(tmp_path).curated).to_pylist()
    assert row["text"] == ("Kept" if edge == "first" else " kept")
    assert not report.failed


def test_a_repeated_line_in_what_is_cut_is_kept_elsewhere_and_a_rest_of_both_is_judged(tmp_path: Path) -> None:
    line = "This very line is in several of the documents here."
    texts = [f"LEAKED {line}\nAnother end.", f"{line}\nSome other words.", f"{line}\nA third one."]
    rows = [
        document(1, texts[0], words=30, evaluation="exam", spans=[0, len("LEAKED") + 1 + len(line)], clean_words=25),
        document(2, texts[1], words=29),
        document(3, texts[2], words=28, evaluation="exam", spans=[len(line) + 1, len(texts[2])], clean_words=24),
    ]
    write_corpus(tmp_path, {"a": rows})
    paths = CorpusPaths().under(tmp_path)
    begins = [len("LEAKED "), 0, 0]
    columns = {
        "row": [0, 1, 2],
        "start": begins,
        "end": [start + len(line) for start in begins],
        "hash": pa.array([7, 7, 7], pa.uint64()),
        "words": [10, 10, 10],
        "document_bytes": [len(text) for text in texts],
    }
    made_from = {"documents": directory_digest(paths.documents)}
    write_manifest(paths.parts, [write_shard(paths.parts, "a", pa.table(columns))], made_from)
    section = {**CUT, "duplicates": {"part_copies": 1, "priority": ["length", "id"], "max_cut_fraction": None}}
    run_curate(tmp_path, section)
    assert fates(tmp_path) == {1: None, 2: None, 3: "repeated_parts"}  # 24 clean words less 10
    assert read_directory(paths.curated).column("text").to_pylist() == ["Another end.", texts[1]]
    moves = what_if(tmp_path, {"contamination.cut": False}).moves
    assert {key: amount.documents for key, amount in moves.items()} == {
        ("", ""): 1,
        ("", "repeated_parts"): 1,
        ("repeated_parts", "repeated_parts"): 1,
    }


spans = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30), st.integers(1, 9)), max_size=12)


def parts(found: list[tuple[int, int, int]]) -> Parts:
    """Parts of rows, made apart."""
    kept: list[tuple[int, int, int]] = []
    for row, start, length in sorted(found):
        if not kept or kept[-1][0] != row or kept[-1][2] < start:
            kept.append((row, start, start + length))
    columns: list[Any] = [np.array(column, np.int64) for column in zip(*kept, strict=True)] or [
        np.empty(0, np.int64)
    ] * 3
    return Parts(*columns)


@given(spans, spans)
def test_what_is_in_either_goes_once(first: list[tuple[int, int, int]], second: list[tuple[int, int, int]]) -> None:
    one, other = parts(first), parts(second)
    union = one | other

    def places(found: Parts) -> set[tuple[int, int]]:
        rows = zip(*(column.tolist() for column in vars(found).values()), strict=True)
        return {(row, place) for row, start, end in rows for place in range(start, end)}

    assert places(union) == places(one) | places(other)
    texts = pa.chunked_array([["x" * 40] * 4], pa.large_string())
    cut = cut_parts(texts, union)
    assert [len(text) for text in cut.text.to_pylist()] == [
        40 - len({place for row, place in places(union) if row == number}) for number in range(4)
    ]
    apart = union.rows[1:] == union.rows[:-1]
    assert (union.starts[1:][apart] > union.ends[:-1][apart]).all()


@pytest.mark.parametrize("chosen", [[True, True, True], [True, False, True], [False, False, False]])
def test_parts_of_chosen_rows_are_read_from_lists(chosen: list[bool]) -> None:
    column = pa.chunked_array([[[1, 2, 5, 9], [0, 4]], [[]]], pa.list_(pa.int64()))
    found = Parts.of_lists(column, np.array(chosen))
    wanted = [part for part in ((0, 1, 2), (0, 5, 9), (1, 0, 4)) if chosen[part[0]]]
    assert list(zip(*(column.tolist() for column in vars(found).values()), strict=True)) == wanted
