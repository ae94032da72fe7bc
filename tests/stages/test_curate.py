"""Curate: known fates, survivors across shards, the three laws, the same bytes for any workers, cost of a change."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from bessemer.documents import CURATED_SCHEMA
from bessemer.errors import DataError
from bessemer.ledger import LEDGER_SCHEMA
from bessemer.ledger_index import INDEX
from bessemer.shards import directory_digest, read_directory, read_shard, shard_names, verify, write_shard
from stages import layout
from tests.corpora import document, run_curate, write_corpus

MAIL = "Write to jane@firma.de about text 5."


def corpus(root: Path) -> None:
    """Three shards: a family of copies and look-alikes over all of them, and one document for each kind of fate."""
    write_corpus(
        root,
        {
            "a": [
                document(1, words=600, classifier=0.9),
                document(2, group="twins", words=500),
                document(3, words=3),
                document(4, language="zh", stop_words=0, classifier=0.1, source="poems"),
                document(5, MAIL, classifier=0.7),
            ],
            "b": [
                document(6, group="twins", words=500),
                document(7, words=400, classifier=0.6),
                document(8, classifier=0.4),
                document(9, overlap=0.5, evaluation="exam", words=700, classifier=0.99),
            ],
            "c": [document(10, language=None, score=None), document(11, group="twins", words=500, classifier=0.3)],
            "d": [],
        },
        pairs=[(1, 7, 0.85), (2, 7, 0.7), (8, 1, 0.95), (9, 5, 0.95)],
    )


def ledger(root: Path) -> dict[int, dict[str, Any]]:
    return {int(row["id"], 16): row for row in read_directory(root / layout.LEDGER).to_pylist()}


def reasons(root: Path) -> dict[int, str | None]:
    return {number: row["reason"] for number, row in ledger(root).items()}


def numbers(ids: Iterable[str]) -> list[int]:
    return [int(id_, 16) for id_ in ids]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("curated")
    corpus(root)
    run_curate(root)
    return root


def test_every_document_has_its_fate_with_value_threshold_and_evidence(done: Path) -> None:
    found = {
        number: (row["fate"], row["reason"], row["value"], row["threshold"], row["evidence_id"])
        for number, row in ledger(done).items()
    }
    near = pytest.approx(0.85, abs=1e-6)
    assert found == {
        1: ("kept", None, None, None, None),
        2: ("kept", None, None, None, None),
        3: ("dropped", "too_short", 3, 20, None),
        4: ("kept", None, None, None, None),
        5: ("kept", None, None, None, None),
        6: ("dropped", "exact_duplicate", 1, 1, f"{2:032x}"),
        7: ("dropped", "near_duplicate", near, 0.8, f"{1:032x}"),
        8: ("dropped", "quality", pytest.approx(0.4), 0.5, None),
        9: ("dropped", "contaminated", 0.5, 0.2, "exam"),
        10: ("kept", None, None, None, None),
        11: ("dropped", "quality", pytest.approx(0.3), 0.5, None),
    }
    assert {row["stage"] for row in ledger(done).values() if row["fate"] == "dropped"} == {"curate"}


def test_a_drop_for_one_item_names_the_set_of_that_item_and_not_the_one_with_most_hits(tmp_path: Path) -> None:
    shared = {"evaluation": "novels", "reverse_evaluation": "quiz"}
    long = document(1, overlap=0.1, reverse_overlap=1.0, **shared)
    write_corpus(tmp_path, {"a": [long, document(2, overlap=0.5, reverse_overlap=1.0, **shared)]}, pairs=[])
    run_curate(tmp_path)
    assert {number: (row["reason"], row["evidence_id"]) for number, row in ledger(tmp_path).items()} == {
        1: ("evaluation_item", "quiz"),
        2: ("contaminated", "novels"),
    }


def test_kept_documents_are_written_in_order_with_what_was_masked(done: Path) -> None:
    assert shard_names(done / layout.CURATED) == shard_names(done / layout.DOCUMENTS) == ["a", "b", "c", "d"]
    first = read_shard(done / layout.CURATED, "a")
    assert first.schema.equals(CURATED_SCHEMA)
    assert numbers(first.column("id").to_pylist()) == [1, 2, 4, 5]
    assert first.column("text").to_pylist()[-1] == "Write to <email> about text 5."
    assert first.column("removed_bytes").to_pylist() == [0, 0, 0, len("jane@firma.de")]
    assert first.column("added_bytes").to_pylist() == [0, 0, 0, len("<email>")]
    assert first.column("language").to_pylist() == ["en", "en", "zh", "en"]
    assert first.column("quality").to_pylist() == pytest.approx([0.9, 0.8, 0.1, 0.7])
    assert read_shard(done / layout.LEDGER, "d").schema.equals(LEDGER_SCHEMA)


def test_bytes_balance_when_counted_anew_from_the_files(done: Path) -> None:
    def size(texts: Iterable[str]) -> int:
        return sum(len(text.encode()) for text in texts)

    documents, curated = read_directory(done / layout.DOCUMENTS), read_directory(done / layout.CURATED)
    lost = sum(row["bytes"] for row in ledger(done).values() if row["fate"] == "dropped")
    removed, added = (sum(curated.column(f"{name}_bytes").to_pylist()) for name in ("removed", "added"))
    written = size(curated.column("text").to_pylist())
    assert size(documents.column("text").to_pylist()) == lost + removed + written - added


def test_one_and_two_workers_write_the_same_bytes(done: Path, tmp_path: Path) -> None:
    corpus(tmp_path)
    report, _ = run_curate(tmp_path, workers=2)
    again, record = run_curate(done)
    assert report == again
    assert record.jobs["curate"] == {"total": 4, "cached": 4}
    for directory in (layout.CURATED, layout.LEDGER):
        assert directory_digest(done / directory) == directory_digest(tmp_path / directory)
        verify(tmp_path / directory)
    for file in sorted((done / layout.LEDGER / INDEX).iterdir()):
        assert file.read_bytes() == (tmp_path / layout.LEDGER / INDEX / file.name).read_bytes()


def test_the_report_tells_funnel_drops_samples_pairs_and_laws(done: Path) -> None:
    report, _ = run_curate(done)
    assert {drop.reason: drop.documents for drop in report.drops} == {
        "too_short": 1,
        "quality": 2,
        "contaminated": 1,
        "exact_duplicate": 1,
        "near_duplicate": 1,
    }
    assert [count.documents for count in report.counts] == [11, 10, 8, 7, 6, 5, 5]
    assert report.metrics["documents_kept"] == 5
    assert report.metrics["dropped_fraction"] == pytest.approx(6 / 11, abs=1e-6)
    assert report.metrics["redacted_email"] == 1
    assert [(pair.id_a[-1], pair.id_b[-1]) for pair in report.pairs] == [("7", "1")]
    assert {law.metric for law in report.checks} >= {"law.documents", "law.bytes"}
    assert not report.failed
    groups = {sample.group for sample in report.samples}
    assert {"dropped: too_short", "dropped: near_duplicate", "redacted"} <= groups
    tables = {table.name: table for table in report.tables}
    assert {row[0]: (row[1], row[2]) for row in tables["sources"].rows} == {"novels": (10, 4), "poems": (1, 1)}
    assert {row[0]: (row[1], row[2]) for row in tables["languages"].rows} == {
        "en": (9, 3),
        "zh": (1, 1),
        "unknown": (1, 1),
    }
    both = {tuple(row[:2]): tuple(row[2:4]) for row in tables["sources_languages"].rows}
    assert both["novels", "en"] == (9, 3)
    assert len(both) == 3
    counted = {row[0]: row[-1] for row in tables["reasons"].rows}
    assert (counted["too_short"], counted["quality"], counted["contaminated"]) == (1, 2, 1)


def test_the_report_says_what_each_limit_takes_of_each_source_and_where_its_duplicates_are(done: Path) -> None:
    report, _ = run_curate(done)
    tables = {table.name: table for table in report.tables}
    assert tables["reasons_sources"].columns == ["reason", "novels", "poems"]
    assert {row[0]: row[1:] for row in tables["reasons_sources"].rows} == {
        "too_short": [0.1, 0.0],
        "quality": [0.2, 0.0],
        "contaminated": [0.1, 0.0],
        "exact_duplicate": [0.1, 0.0],
        "near_duplicate": [0.1, 0.0],
    }
    assert tables["duplicates_sources"].rows == [["novels", 0.2]]


def test_the_report_shows_no_personal_data(done: Path) -> None:
    report, _ = run_curate(done)
    assert "<email>" in report.model_dump_json()
    assert "jane@firma.de" not in report.model_dump_json()


def test_a_document_that_fails_another_rule_drops_no_look_alike(tmp_path: Path) -> None:
    corpus(tmp_path)
    run_curate(tmp_path, {"contamination": {"max_overlap": None}})
    assert (reasons(tmp_path)[9], reasons(tmp_path)[5]) == (None, "near_duplicate")
    run_curate(tmp_path)
    assert (reasons(tmp_path)[9], reasons(tmp_path)[5]) == ("contaminated", None)


def test_a_group_stands_for_all_its_members_in_a_pair(tmp_path: Path) -> None:
    corpus(tmp_path)
    lenient = {"classifier": {"min_classifier_score": None}, "duplicates": {"threshold": 0.65}}
    run_curate(tmp_path, lenient)
    found = ledger(tmp_path)
    assert found[7]["evidence_id"] == f"{1:032x}"
    assert {number: found[number]["reason"] for number in (2, 6, 11)} == {
        2: None,
        6: "exact_duplicate",
        11: "exact_duplicate",
    }
    run_curate(tmp_path, lenient | {"length": {"max_words": 550}})
    found = ledger(tmp_path)
    assert found[1]["reason"] == "too_long"
    assert (found[7]["reason"], found[7]["evidence_id"]) == ("near_duplicate", f"{2:032x}")


@pytest.mark.parametrize(
    ("priority", "survivor"),
    [
        (["quality", "id"], 3),
        (["length", "id"], 2),
        (["newest", "id"], 1),
        (["oldest", "id"], 4),
        (["id"], 1),
        (["length", "quality"], 2),
    ],
)
def test_the_priority_decides_who_stays(priority: list[str], survivor: int, tmp_path: Path) -> None:
    rows = [
        document(1, group="g", words=300, classifier=0.6, date="2024-05-01"),
        document(2, group="g", words=900, classifier=0.7, date="2023-01-31T12:00:00Z"),
        document(3, group="g", words=300, classifier=0.9),
        document(4, group="g", words=900, classifier=0.6, date="1999"),
        document(5, group="g", words=100, classifier=None),
    ]
    write_corpus(tmp_path, {"a": rows[:2], "b": rows[2:]})
    run_curate(tmp_path, {"duplicates": {"priority": priority}})
    assert [number for number, reason in reasons(tmp_path).items() if reason is None] == [survivor]


def test_duplicates_can_be_kept(tmp_path: Path) -> None:
    corpus(tmp_path)
    run_curate(tmp_path, {"duplicates": {"exact": False, "threshold": None}})
    assert not {"exact_duplicate", "near_duplicate"} & set(reasons(tmp_path).values())
    run_curate(tmp_path, {"duplicates": {"threshold": None}})
    assert reasons(tmp_path)[6] == "exact_duplicate"
    assert reasons(tmp_path)[7] is None


def test_a_new_shard_costs_one_shard_and_what_its_duplicates_change(tmp_path: Path) -> None:
    rows = {name: [document(10 * place + n) for n in range(3)] for place, name in enumerate("abc")}
    write_corpus(tmp_path, rows)
    run_curate(tmp_path)
    write_corpus(tmp_path, rows | {"d": [document(100)]})
    _, record = run_curate(tmp_path)
    assert record.jobs["curate"] == {"total": 4, "cached": 3}
    write_corpus(tmp_path, rows | {"d": [document(100, classifier=0.9)]}, pairs=[(10, 100, 0.9)])
    _, record = run_curate(tmp_path)
    assert record.jobs["curate"] == {"total": 4, "cached": 2}
    assert reasons(tmp_path)[10] == "near_duplicate"
    write_corpus(tmp_path, rows | {"d": [document(100, classifier=0.9)]}, pairs=[(10, 100, 0.875)])
    _, record = run_curate(tmp_path)
    assert record.jobs["curate"] == {"total": 4, "cached": 3}
    assert ledger(tmp_path)[10]["value"] == 0.875


def test_another_cut_of_the_classifier_is_another_result(tmp_path: Path) -> None:
    rows = {"a": [document(1, classifier=0.6)]}
    write_corpus(tmp_path, rows, cut=0.5)
    run_curate(tmp_path)
    write_corpus(tmp_path, rows, cut=0.7)
    _, record = run_curate(tmp_path)
    assert record.jobs["curate"]["cached"] == 0
    assert reasons(tmp_path) == {1: "quality"}
    write_corpus(tmp_path, rows, cut=None)
    run_curate(tmp_path)
    assert reasons(tmp_path) == {1: None}


def test_a_corpus_of_which_nothing_stays_is_still_written(tmp_path: Path) -> None:
    write_corpus(tmp_path, {"a": [document(1, words=1), document(2, words=2)]})
    report, _ = run_curate(tmp_path)
    assert read_directory(tmp_path / layout.CURATED).num_rows == 0
    assert report.metrics["documents_kept"] == 0


def test_sidecars_of_other_documents_end_the_stage(tmp_path: Path) -> None:
    corpus(tmp_path)
    sidecar = read_shard(tmp_path / layout.LANGUAGE, "a")
    write_shard(tmp_path / layout.LANGUAGE, "a", sidecar.take(pa.array(list(reversed(range(sidecar.num_rows))))))
    with pytest.raises(DataError, match="other ids"):
        run_curate(tmp_path)


def test_pairs_of_other_documents_end_the_stage(tmp_path: Path) -> None:
    write_corpus(tmp_path, {"a": [document(1), document(2)]}, pairs=[(1, 99, 0.9)])
    with pytest.raises(DataError, match="run the stage dedup again"):
        run_curate(tmp_path)


def test_a_document_with_an_unwanted_kind_is_dropped_and_its_look_alike_stays(tmp_path: Path) -> None:
    clean = "Write to the office about text 6."
    rows = [document(5, MAIL, classifier=0.9), document(6, clean, classifier=0.7), document(7, "193.102.180.41")]
    write_corpus(tmp_path, {"a": rows[:1], "b": rows[1:]}, pairs=[(5, 6, 0.9)])
    run_curate(tmp_path)
    assert reasons(tmp_path) == {5: None, 6: "near_duplicate", 7: None}
    report, record = run_curate(tmp_path, {"pii": {"email": "drop", "ip": "keep"}})
    assert record.jobs["personal data"] == {"total": 2, "cached": 2}
    assert reasons(tmp_path) == {5: "pii_email", 6: None, 7: None}
    assert (ledger(tmp_path)[5]["value"], ledger(tmp_path)[5]["threshold"]) == (1, 0)
    assert next(table for table in report.tables if table.name == "personal_data").rows == [
        ["novels", "email", "drop", 1, 1, 1],
        ["novels", "ip", "keep", 1, 1, 0],
    ]
    assert read_directory(tmp_path / layout.CURATED).column("text").to_pylist()[-1] == "193.102.180.41"
    assert "jane@firma.de" not in report.model_dump_json()


def test_findings_are_counted_beside_the_documents(done: Path) -> None:
    counts = read_directory(done / layout.PII)
    assert counts.column_names == ["id", "pii_key", "pii_email", "pii_ip", "pii_card", "pii_phone"]
    assert numbers(counts.column("id").to_pylist()) == list(range(1, 12))
    assert counts.column("pii_email").to_pylist() == [int(number == 5) for number in range(1, 12)]
