"""Repeated lines: only the best documents keep each, every byte is accounted for, nothing vanishes altogether."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bessemer.cutting import Parts, cut_parts
from bessemer.dedup.keepers import Holders, choose_keepers
from bessemer.errors import DataError
from bessemer.shards import directory_digest, read_directory, read_shard, shard_names, write_manifest, write_shard
from bessemer.text.buffers import TextBuffer
from bessemer.text.parts import parts_of
from stages import layout
from tests.corpora import document, run_curate, write_corpus

MENU, NOTICE = "Home – About us – Contact\n", "All rights reserved by the publisher"
OWN = [f"The {word} text has a line of its very own.\n" for word in ("first", "second", "third", "fourth", "fifth")]
ONE: dict[str, Any] = {"part_copies": 1}
OFF: dict[str, Any] = {
    "length": {"min_words": None},
    "duplicates": ONE,
    "contamination": {"max_overlap": 0.2, "max_reverse_overlap": None},
    "pii": {"email": "mask", "ip": "keep", "card": "keep", "phone": "keep"},
}


def corpus(root: Path, lists: dict[str, list[dict[str, Any]]], **options: Any) -> None:
    """Documents, their numbers, and every line of theirs as a part."""
    write_corpus(root, lists, **options)
    infos = []
    for shard in shard_names(root / layout.DOCUMENTS):
        buffer = TextBuffer.of_column(read_shard(root / layout.DOCUMENTS, shard, ["text"]).column("text"))
        parts = parts_of(buffer, "line", 2)
        columns = {"row": parts.documents, "start": parts.starts, "end": parts.ends, "hash": parts.hashes}
        columns |= {"words": parts.words, "document_bytes": np.diff(buffer.offsets)[parts.documents]}
        infos.append(write_shard(root / layout.DEDUP_PARTS, shard, pa.table(columns)))
    write_manifest(root / layout.DEDUP_PARTS, infos, {"documents": directory_digest(root / layout.DOCUMENTS)})


def family(root: Path) -> None:
    """Five documents with the same menu and notice; the best of them is dropped, and one is nothing but these."""
    corpus(
        root,
        {
            "a": [
                document(1, MENU + OWN[0] + NOTICE, classifier=0.6),
                document(2, MENU + OWN[1] + NOTICE, classifier=0.99, overlap=0.9, evaluation="exam"),
            ],
            "b": [
                document(3, MENU + OWN[2] + OWN[2] + "to jane@firma.de\n" + NOTICE, classifier=0.9),
                document(4, MENU + NOTICE, classifier=0.7),
                document(5, OWN[4] + NOTICE, classifier=0.55),
            ],
        },
    )


def texts(root: Path) -> dict[int, str]:
    rows = read_directory(root / layout.CURATED).to_pylist()
    return {int(row["id"], 16): row["text"] for row in rows}


def test_the_best_kept_document_keeps_a_line_and_the_others_lose_it(tmp_path: Path) -> None:
    family(tmp_path)
    report, _ = run_curate(tmp_path, OFF)
    assert texts(tmp_path) == {
        1: OWN[0].rstrip(),
        3: MENU + OWN[2] + OWN[2] + "to <email>\n" + NOTICE,  # what it repeats itself is left alone
        5: OWN[4].rstrip(),
    }
    ledger = {int(row["id"], 16): row for row in read_directory(tmp_path / layout.LEDGER).to_pylist()}
    assert ledger[2]["reason"] == "contaminated"
    assert (ledger[4]["reason"], ledger[4]["value"], ledger[4]["threshold"]) == ("repeated_parts", 1.0, 0.8)
    removed = dict(zip(texts(tmp_path), read_directory(tmp_path / layout.CURATED)["cut_bytes"], strict=True))
    assert removed[1].as_py() == len((MENU + NOTICE).encode()) + 1
    assert report.metrics["cut_parts"] == 3
    cut = [sample for sample in report.samples if sample.group == "cut"]
    assert [(int(sample.id, 16), sample.text) for sample in cut] == [(1, MENU + NOTICE), (5, NOTICE)]
    assert report.summary.endswith("3 repeated lines or paragraphs are cut.")
    assert report.metrics["cut_part_bytes"] == removed[1].as_py() + removed[5].as_py()
    assert all(check.passed for check in report.checks)


@pytest.mark.parametrize(
    ("rules", "kept"),
    [
        ({"part_copies": None}, {1: 2, 3: 2, 4: 2, 5: 1}),
        ({"part_copies": 2}, {1: 0, 3: 2, 4: 2, 5: 0}),
        ({"part_copies": 3}, {1: 2, 3: 2, 4: 2, 5: 0}),
        ({"max_cut_fraction": 0.3}, {3: 2}),
    ],
)
def test_copies_and_the_share_that_a_document_may_lose(tmp_path: Path, rules: dict[str, Any], kept: dict) -> None:
    family(tmp_path)
    run_curate(tmp_path, OFF | {"duplicates": ONE | rules})
    found = {number: (MENU in text) + (NOTICE in text) for number, text in texts(tmp_path).items()}
    assert found == kept


def test_a_document_dropped_as_a_duplicate_keeps_no_line_from_the_survivor(tmp_path: Path) -> None:
    twin = {"group": "twins"}
    lists = {
        "a": [document(1, MENU + OWN[0], classifier=0.6, **twin)],
        "b": [document(2, MENU + OWN[0], classifier=0.9, **twin)],
    }
    corpus(tmp_path, lists)
    run_curate(tmp_path, OFF)
    assert texts(tmp_path) == {2: MENU + OWN[0]}


def test_who_stands_for_duplicates_is_never_dropped_for_its_lines(tmp_path: Path) -> None:
    long = MENU * 30 + NOTICE + "\n"
    lists = {
        "a": [document(1, long + OWN[0], classifier=0.9), document(2, long + OWN[1], classifier=0.8)],
        "b": [document(3, long + OWN[2], classifier=0.7), document(4, long + OWN[3], classifier=0.6)],
    }
    corpus(tmp_path, lists, pairs=[(2, 3, 0.9)])
    run_curate(tmp_path, OFF)
    assert set(texts(tmp_path)) == {1, 2}
    assert texts(tmp_path)[2] == long + OWN[1]
    ledger = read_directory(tmp_path / layout.LEDGER).to_pylist()
    assert [row["reason"] for row in ledger] == [None, None, "near_duplicate", "repeated_parts"]
    kept = {row["id"] for row in ledger if row["fate"] == "kept"}
    assert {row["evidence_id"] for row in ledger if "duplicate" in (row["reason"] or "")} <= kept


def test_what_would_be_left_too_short_is_dropped_with_the_words_left(tmp_path: Path) -> None:
    notices = [f"This is notice number {number} of the publisher\n" for number in range(3)]
    good, bad = "".join([*notices, *OWN]), "".join([*notices, *OWN[:2]])
    corpus(tmp_path, {"a": [document(1, good, classifier=0.9, words=74), document(2, bad, classifier=0.6, words=44)]})
    rules = ONE | {"max_cut_fraction": None}
    run_curate(tmp_path, OFF | {"length": {"min_words": 21}, "duplicates": rules})
    assert set(texts(tmp_path)) == {1}
    row = read_directory(tmp_path / layout.LEDGER).to_pylist()[1]
    assert (row["reason"], row["value"], row["threshold"]) == ("repeated_parts", 0, 21)


def test_parts_of_other_documents_are_refused_and_of_none_are_nothing(tmp_path: Path) -> None:
    corpus(tmp_path / "none", {})
    run_curate(tmp_path / "none", OFF)
    family(tmp_path / "other")
    write_corpus(tmp_path / "other", {"a": [document(1)], "b": [document(2)]})
    with pytest.raises(DataError, match="run the stage dedup again"):
        run_curate(tmp_path / "other", OFF)


def test_nothing_is_cut_where_the_policy_keeps_nothing(tmp_path: Path) -> None:
    corpus(tmp_path, {"a": [document(1, MENU + OWN[0], words=3), document(2, MENU + OWN[1], words=3)], "b": []})
    report, _ = run_curate(tmp_path, {"duplicates": ONE})
    assert (report.metrics["documents_kept"], report.metrics["cut_parts"]) == (0, 0)


def test_one_and_two_workers_write_the_same_bytes_and_a_second_run_reads_the_cache(tmp_path: Path) -> None:
    digests = set()
    for workers in (1, 2):
        root = tmp_path / str(workers)
        family(root)
        run_curate(root, OFF, workers=workers)
        digests.add((directory_digest(root / layout.CURATED), directory_digest(root / layout.LEDGER)))
    assert len(digests) == 1
    _, record = run_curate(root, OFF)
    assert all(jobs["cached"] == jobs["total"] for jobs in record.jobs.values())


documents = st.lists(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 9)), min_size=1, max_size=5), max_size=8)


@given(documents, st.integers(1, 3), st.sampled_from([0.0, 0.4, 1.0]), st.integers(1, 6), st.randoms())
def test_the_walk_is_that_of_its_definition(
    parts: list[list[tuple[int, int]]], copies: int, limit: float, fewest: int, random: Any
) -> None:
    """A part of n bytes has n words here."""
    order = random.sample(range(len(parts)), len(parts))
    needed = [random.random() < 0.3 for _ in parts]
    total = [sum(size for _, size in own) + random.randint(0, 5) for own in parts]
    holders: dict[int, int] = defaultdict(int)
    expected: list[list[bool]] = [[] for _ in parts]
    gone = [False] * len(parts)
    for place in order:
        cut = [holders[part] >= copies for part, _ in parts[place]]
        lost = sum(size for (_, size), out in zip(parts[place], cut, strict=True) if out)
        much = lost > 0 and (lost / total[place] > limit or total[place] - lost < fewest)
        gone[place] = much and not needed[place]
        expected[place] = [out and not much for out in cut]
        for part in {part for part, _ in parts[place]} if not gone[place] else ():
            holders[part] += 1
    flat = [item for own in parts for item in own]
    sizes = np.array([size for _, size in flat], np.int64)
    found = choose_keepers(
        Holders(
            order=np.array(order, np.int64),
            bounds=np.concatenate(([0], np.cumsum([len(own) for own in parts]))).astype(np.int64),
            part=np.array([part for part, _ in flat], np.int64),
            size=sizes,
            words=sizes,
            document_bytes=np.array(total, np.int64),
            document_words=np.array(total, np.int64),
            needed=np.array(needed, np.bool_),
        ),
        copies,
        limit,
        fewest,
    )
    assert found.cut.tolist() == [out for own in expected for out in own]
    assert found.dropped.tolist() == gone


def test_cutting_counts_what_is_left_behind_at_the_end() -> None:
    column = pa.chunked_array([["é one\n\ntwo\n", "kept"], ["gone\nthree"]], pa.large_string())
    cut = cut_parts(column, Parts(np.array([0, 2]), np.array([8, 0]), np.array([12, 5])))
    assert cut.text.to_pylist() == ["é one", "kept", "three"]
    assert cut.removed.tolist() == [6, 0, 5]
    before, after = (pc.sum(pc.binary_length(text)).as_py() for text in (column, cut.text))
    assert before - after == cut.removed.sum()
