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

from bessemer.cutting import cut_parts
from bessemer.repeats import _choose
from bessemer.shards import directory_digest, read_directory, read_shard, shard_names, write_manifest, write_shard
from bessemer.text.buffers import TextBuffer
from bessemer.text.parts import parts_of
from stages import layout
from tests.corpora import document, run_curate, write_corpus

MENU, NOTICE = "Home – About us – Contact\n", "All rights reserved by the publisher"
OWN = [f"The {word} text has a line of its very own.\n" for word in ("first", "second", "third", "fourth", "fifth")]
OFF: dict[str, Any] = {
    "contamination": {"max_overlap": None, "max_reverse_overlap": None},
    "pii": {"email": True, "ip": False, "card": False, "phone": False},
}


def corpus(root: Path, lists: dict[str, list[dict[str, Any]]], **options: Any) -> None:
    """Documents, their numbers, and every line of theirs as a part."""
    write_corpus(root, lists, **options)
    infos = []
    for shard in shard_names(root / layout.DOCUMENTS):
        buffer = TextBuffer.of_column(read_shard(root / layout.DOCUMENTS, shard, ["text"]).column("text"))
        parts = parts_of(buffer, "line", 2)
        columns = {"row": parts.documents, "start": parts.starts, "end": parts.ends, "hash": parts.hashes}
        columns["document_bytes"] = np.diff(buffer.offsets)[parts.documents]
        infos.append(write_shard(root / layout.DEDUP_PARTS, shard, pa.table(columns)))
    write_manifest(root / layout.DEDUP_PARTS, infos, {})


def family(root: Path) -> None:
    """Five documents with the same menu and notice; the best of them is dropped, and one is nothing but these."""
    corpus(
        root,
        {
            "a": [
                document(1, MENU + OWN[0] + NOTICE, classifier=0.6),
                document(2, MENU + OWN[1] + NOTICE, classifier=0.99, words=3),
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
    assert ledger[2]["reason"] == "too_short"
    assert (ledger[4]["reason"], ledger[4]["value"], ledger[4]["threshold"]) == ("repeated_parts", 1.0, 0.8)
    removed = dict(zip(texts(tmp_path), read_directory(tmp_path / layout.CURATED)["removed_bytes"], strict=True))
    assert removed[1].as_py() == len((MENU + NOTICE).encode()) + 1
    assert report.metrics["cut_parts"] == 3
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
    run_curate(tmp_path, OFF | {"duplicates": rules})
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


@given(documents, st.integers(1, 3), st.sampled_from([0.0, 0.4, 1.0]), st.randoms(use_true_random=False))
def test_the_walk_is_that_of_its_definition(
    parts: list[list[tuple[int, int]]], copies: int, limit: float, random: Any
) -> None:
    order = list(range(len(parts)))
    random.shuffle(order)
    extra = [random.randint(0, 5) for _ in parts]
    total = [sum(size for _, size in own) + more for own, more in zip(parts, extra, strict=True)]
    holders: dict[int, int] = defaultdict(int)
    expected: list[list[bool]] = [[] for _ in parts]
    gone = [False] * len(parts)
    for place in order:
        cut = [holders[part] >= copies for part, _ in parts[place]]
        lost = sum(size for (_, size), out in zip(parts[place], cut, strict=True) if out)
        gone[place] = lost / total[place] > limit or lost == total[place]
        expected[place] = [out and not gone[place] for out in cut]
        for part in {part for part, _ in parts[place]} if not gone[place] else ():
            holders[part] += 1
    flat = [item for own in parts for item in own]
    cut, fractions, dropped = np.zeros(len(flat), np.bool_), np.zeros(len(parts)), np.zeros(len(parts), np.bool_)
    _choose(
        np.array(order, np.int64),
        np.concatenate(([0], np.cumsum([len(own) for own in parts]))).astype(np.int64),
        np.array([part for part, _ in flat], np.int64),
        np.array([size for _, size in flat], np.int64),
        np.array(total, np.int64),
        copies,
        limit,
        np.zeros(6, np.int64),
        np.full(6, -1, np.int64),
        cut,
        fractions,
        dropped,
    )
    assert cut.tolist() == [out for own in expected for out in own]
    assert dropped.tolist() == gone


def test_cutting_counts_what_is_left_behind_at_the_end() -> None:
    column = pa.chunked_array([["é one\n\ntwo\n", "kept"], ["gone\nthree"]], pa.large_string())
    cut = cut_parts(column, np.array([0, 2]), np.array([8, 0]), np.array([12, 5]))
    assert cut.text.to_pylist() == ["é one", "kept", "three"]
    assert cut.removed.tolist() == [6, 0, 5]
    assert cut.found.tolist() == [1, 0, 1]
    before, after = (pc.sum(pc.binary_length(text)).as_py() for text in (column, cut.text))
    assert before - after == cut.removed.sum()
