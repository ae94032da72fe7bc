"""Two ledgers side by side: the answer is that of a loop over both; documents may be in one of them only."""

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bessemer.errors import DataError
from bessemer.ledger_diff import compare_ledgers
from bessemer.shards import read_directory, write_manifest, write_shard
from bessemer.side_by_side import ABSENT, Amount
from stages import layout
from tests.corpora import document, run_curate, write_corpus

corpora = st.dictionaries(st.integers(1, 12), st.tuples(st.sampled_from([10, 100, 200]), st.sampled_from(["en", "de"])))


def curated(root: Path, corpus: dict[int, tuple[int, str]], min_words: int) -> dict[str, tuple[str, int]]:
    """Run ``curate`` on documents with so many words; reason and bytes by id."""
    shutil.rmtree(root, ignore_errors=True)
    rows = [document(n, f"Number {n}.", words=words, language=language) for n, (words, language) in corpus.items()]
    write_corpus(root, {"a": rows[:5], "b": rows[5:]})
    run_curate(root, {"length": {"min_words": min_words}})
    return {row["id"]: (row["reason"] or "", row["bytes"]) for row in read_directory(root / layout.LEDGER).to_pylist()}


@given(corpora, corpora, st.sampled_from([50, 150]))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_moves_is_what_a_loop_over_both_says(
    tmp_path: Path, old: dict[int, tuple[int, str]], new: dict[int, tuple[int, str]], min_words: int
) -> None:
    before = curated(tmp_path / "old", old, 50)
    after = curated(tmp_path / "new", new, min_words)
    answer = compare_ledgers(tmp_path / "new", tmp_path / "old" / layout.LEDGER, "main", examples=3)

    moves: dict[tuple[str, str], Amount] = {}
    for id_ in before.keys() | after.keys():
        first, second = before.get(id_, (ABSENT, 0))[0], after.get(id_, (ABSENT, 0))[0]
        size = after.get(id_, before.get(id_, ("", 0)))[1]
        moves[first, second] = moves.get((first, second), Amount()) + Amount(1, size)
    assert answer.moves == moves

    moved = sorted(
        id_
        for id_ in before.keys() | after.keys()
        if (before.get(id_, (ABSENT, 0))[0] == "") != (after.get(id_, (ABSENT, 0))[0] == "")
    )
    assert [one.id for one in answer.examples] == moved[:3]
    assert [one.beginning for one in answer.examples] == [
        f"Number {int(id_, 16)}." if id_ in after else "" for id_ in moved[:3]
    ]


def test_it_names_the_other_corpus_and_who_is_not_there(tmp_path: Path) -> None:
    curated(tmp_path / "old", {1: (100, "en"), 2: (100, "en")}, 50)
    curated(tmp_path / "new", {2: (100, "en"), 3: (100, "de")}, 50)
    text = compare_ledgers(tmp_path / "new", tmp_path / "old" / layout.LEDGER, "v1").render()
    assert text.startswith("from v1 to now\n")
    assert "not there → kept\n    Number 3." in text
    assert "1 documents gained, 1 lost." in text


def test_a_ledger_of_other_documents_is_refused(tmp_path: Path) -> None:
    curated(tmp_path / "new", {1: (100, "en"), 2: (10, "en")}, 50)
    table = read_directory(tmp_path / "new" / layout.DOCUMENTS).slice(0, 1)
    write_manifest(
        tmp_path / "new" / layout.DOCUMENTS, [write_shard(tmp_path / "new" / layout.DOCUMENTS, "a", table)], {}
    )
    with pytest.raises(DataError, match="other documents"):
        compare_ledgers(tmp_path / "new", tmp_path / "new" / layout.LEDGER, "v1")
