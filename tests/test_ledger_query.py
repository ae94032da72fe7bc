"""Asking the ledger in SQL: answers are those of a loop over all rows, and a bad question is one sentence."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bessemer.corpus import CorpusPaths
from bessemer.errors import ConfigError, DataError
from bessemer.ledger_query import open_ledger, query_ledger
from bessemer.shards import read_directory, write_manifest, write_shard
from stages import layout
from tests.corpora import document, run_curate, write_corpus

LIMITS = {"length": {"min_words": 250}, "symbols": {"min_alphabetic_word_fraction": 0.5}}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ledger")
    rows = [
        document(
            n,
            f"Text {n} " + "x" * n,
            words=100 * n,
            language="de" if n % 2 else "en",
            alphabetic_word_fraction=0.4 if n % 3 == 0 else 0.9,
            url=f"https://site.example/{n}",
        )
        for n in range(1, 12)
    ]
    write_corpus(folder, {"a": rows[:3], "b": [], "c": rows[3:]}, pairs=[(7, 8, 0.9)])
    run_curate(folder, LIMITS)
    return folder


def test_every_reason_against_a_document_is_kept_the_first_as_its_reason(root: Path) -> None:
    reasons = {int(row["id"], 16): row["reasons"] for row in read_directory(root / layout.LEDGER).to_pylist()}
    short, letters = "too_short", "few_letters"
    assert {n: found for n, found in reasons.items() if found} == {
        1: [short],
        2: [short],
        3: [letters],
        6: [letters],
        7: ["near_duplicate"],
        9: [letters],
    }
    run_curate(root, LIMITS | {"length": {"min_words": 350}})
    ledger = read_directory(root / layout.LEDGER).to_pylist()
    assert next(row["reasons"] for row in ledger if int(row["id"], 16) == 3) == [short, letters]
    assert all(row["reason"] == (row["reasons"][0] if row["reasons"] else None) for row in ledger)
    run_curate(root, LIMITS)


def test_documents_that_meet_a_condition_are_found_with_their_numbers(root: Path) -> None:
    answer = query_ledger(root, "words > 500 AND language = 'de'", columns="id, words, shard, url, reason")
    assert answer.columns == ["id", "words", "shard", "url", "reason"]
    assert answer.rows == [
        (f"{n:032x}", 100 * n, "c", f"https://site.example/{n}", reason)
        for n, reason in ((7, "near_duplicate"), (9, "few_letters"), (11, None))
    ]
    assert (answer.documents, answer.bytes) == (3, sum(len(f"Text {n} ") + n for n in (7, 9, 11)))


def test_rows_of_all_directories_stay_side_by_side(root: Path) -> None:
    rows = open_ledger(CorpusPaths().under(root)).execute("SELECT id, words, text FROM ledger").fetchall()
    assert [(int(id_, 16), text.split()[1]) for id_, _, text in rows] == [(n, str(n)) for n in range(1, 12)]
    assert [words for _, words, _ in rows] == [100 * n for n in range(1, 12)]


def test_groups_are_counted_the_largest_first(root: Path) -> None:
    answer = query_ledger(root, by="language, reason")
    ledger = read_directory(root / layout.LEDGER).to_pylist()
    counted = Counter((row["language"], row["reason"]) for row in ledger)
    assert {tuple(row[:2]): row[2] for row in answer.rows} == counted
    assert [row[2] for row in answer.rows] == sorted(counted.values(), reverse=True)
    assert sum(row[3] for row in answer.rows) == answer.bytes == sum(row["bytes"] for row in ledger)
    assert "documents" in answer.render().splitlines()[0]


def test_all_rows_go_to_a_file_whatever_is_shown(root: Path, tmp_path: Path) -> None:
    for name in ("found.jsonl", "found.parquet", "it's.csv"):
        answer = query_ledger(root, "reason IS NULL", columns="id", limit=2, out=tmp_path / name)
        assert (len(answer.rows), answer.documents) == (2, 5)
    kept = [json.loads(line)["id"] for line in (tmp_path / "found.jsonl").read_text().splitlines()]
    assert kept == pq.read_table(tmp_path / "found.parquet").column("id").to_pylist()
    assert kept == (tmp_path / "it's.csv").read_text().split()[1:]
    assert len(kept) == 5


@pytest.mark.parametrize(
    ("where", "said"),
    [("nope = 3", '"nope" not found'), ("words >", "syntax error"), ("words = 'many'", "Could not convert")],
)
def test_what_is_no_condition_is_one_sentence(root: Path, where: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as error:
        query_ledger(root, where)
    assert "\n" not in str(error.value)


def test_a_folder_that_is_not_there_and_a_shard_that_is_gone_are_one_sentence(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be asked this"):
        query_ledger(root, out=tmp_path / "missing" / "found.csv")
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    (copy / layout.LEDGER / "a.parquet").unlink()
    with pytest.raises(DataError, match="run the stage curate again"):
        query_ledger(copy)


def test_the_name_of_a_folder_is_no_column(root: Path, tmp_path: Path) -> None:
    copy = tmp_path / "language=xx" / "source=yy"
    shutil.copytree(root, copy)
    assert query_ledger(copy, by="language, source") == query_ledger(root, by="language, source")


def test_a_file_of_another_kind_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.parquet, \.csv, \.jsonl"):
        query_ledger(root, out=tmp_path / "found.xlsx")


def test_numbers_of_other_documents_are_not_put_beside_these(tmp_path: Path) -> None:
    write_corpus(tmp_path, {"a": [document(1), document(2)]})
    run_curate(tmp_path)
    table = read_directory(tmp_path / layout.DOCUMENTS).slice(0, 1)
    write_manifest(tmp_path / layout.DOCUMENTS, [write_shard(tmp_path / layout.DOCUMENTS, "a", table)], {})
    with pytest.raises(DataError, match="other documents"):
        query_ledger(tmp_path)
