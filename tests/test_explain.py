"""Explain: one answer for every end that a record can come to."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bessemer.errors import ConfigError, DataError
from bessemer.explain import explain
from bessemer.ingestion.job import QUARANTINE_SCHEMA
from bessemer.ledger import LEDGER_SCHEMA
from bessemer.shards import write_manifest, write_shard
from bessemer.tokens.directory import DOCUMENTS_SCHEMA
from stages import layout
from tests.corpora import document, run_curate, write_corpus


def name(number: int) -> str:
    return f"{number:032x}"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explain")
    write_corpus(
        folder,
        {
            "a": [
                document(0x111111, "Mail jane@firma.de about it.", url="https://one.example/", words=900),
                document(0x222222, words=3, meta='{"locator": "book.txt:1#2"}'),
                document(0x444444),
            ],
            "b": [document(0x333333, url="https://three.example/"), document(0x555555, url="https://one.example/")],
        },
        pairs=[(0x111111, 0x333333, 0.9)],
    )
    run_curate(folder)
    row = {
        "id": name(0x777777),
        "source": "crawl",
        "file": "raw/crawl.warc.gz",
        "locator": "crawl.warc.gz:4711",
        "reason": "truncated",
        "detail": "the record ends early",
        "records": 1,
        "bytes": 99,
        "excerpt": "WARC/1.0 …",
    }
    table = pa.Table.from_pylist([row], schema=QUARANTINE_SCHEMA)
    write_manifest(folder / layout.QUARANTINE, [write_shard(folder / layout.QUARANTINE, "crawl", table)], {})
    return folder


def shard(root: Path) -> None:
    """What the stage shard leaves: two documents in train, one in validation, one removed."""
    removed = {
        "id": name(0x444444),
        "source": "novels",
        "fate": "dropped",
        "stage": "shard",
        "reason": "validation_overlap",
        "value": 0.5,
        "threshold": 0.05,
        "evidence_id": name(0x555555),
        "bytes": 20,
    }
    table = pa.Table.from_pylist([removed], schema=LEDGER_SCHEMA)
    write_manifest(root / layout.TOKENS_LEDGER, [write_shard(root / layout.TOKENS_LEDGER, "removed", table)], {})
    rows = {
        "train": [
            (0xA, "shard-00000", 5),
            (0xB, "shard-00000", 6),
            (0xC, "shard-00001", 7),
            (0x111111, "shard-00001", 8),
        ],
        "val": [(0x555555, "shard-00000", 9)],
    }
    for split, documents in rows.items():
        path = root / layout.TOKENS / split / "documents.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        values = [
            {"id": name(number), "source": "s", "language": "en", "bytes": 1, "tokens": tokens, "shard": file}
            for number, file, tokens in documents
        ]
        pq.write_table(pa.Table.from_pylist(values, schema=DOCUMENTS_SCHEMA), path)


def test_a_kept_document_tells_its_masks_and_the_duplicates_it_stands_for(root: Path) -> None:
    (found,) = explain(root, name(0x111111)).documents
    assert found.curated is not None
    assert found.curated.reason == ""
    assert (found.source, found.url, found.shard, found.language) == ("novels", "https://one.example/", "a", "en")
    assert found.redacted == (len("jane@firma.de"), len("<email>"))
    assert found.duplicates == [name(0x333333)]
    assert "kept by curate" in found.render()


def test_a_filtered_document_tells_the_limit_it_breaks(root: Path) -> None:
    (found,) = explain(root, name(0x222222)).documents
    assert found.curated is not None
    assert (found.curated.reason, found.curated.value, found.curated.threshold) == ("too_short", 3, 20)
    assert [number.parameter for number in found.numbers if number.broken] == ["length.min_words"]
    assert "dropped by curate: too_short, 3 against 20" in found.render()
    assert "breaks curate.length.min_words: words 3 < 20" in found.render()


def test_a_near_duplicate_names_its_survivor(root: Path) -> None:
    (found,) = explain(root, name(0x333333)).documents
    assert found.curated is not None
    assert (found.curated.reason, found.curated.evidence) == ("near_duplicate", name(0x111111))
    assert f"evidence {name(0x111111)} (novels · https://one.example/" in found.render()


@pytest.mark.parametrize(
    "query", [name(0x777777), "crawl.warc.gz:4711", "raw/crawl.warc.gz", "crawl.warc.gz", name(0x777777)[:31]]
)
def test_a_quarantined_record_is_found_by_id_locator_and_file(root: Path, query: str) -> None:
    answer = explain(root, query)
    assert answer.documents == []
    assert [record.reason for record in answer.quarantined] == ["truncated"]
    assert "quarantined by ingest: truncated: the record ends early" in answer.render()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("https://one.example/", [0x111111, 0x555555]),
        ("book.txt:1#2", [0x222222]),
        ("book.txt:1", [0x222222]),
        (name(0x222222)[:31], [0x222222]),
        ("0" * 26, [0x111111, 0x222222, 0x444444, 0x333333, 0x555555]),
    ],
)
def test_documents_are_found_by_address_locator_and_first_digits(root: Path, query: str, expected: list[int]) -> None:
    found = explain(root, query).documents
    assert sorted(int(item.id, 16) for item in found) == sorted(expected)


@pytest.mark.parametrize("query", ["nothing", "", "' OR 1=1 --", "fffffff", "00000"])
def test_what_is_not_there_is_one_sentence(root: Path, query: str) -> None:
    with pytest.raises(ConfigError, match="no document or quarantined record matches"):
        explain(root, query)


def test_before_ingest_it_names_the_stage(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="documents"):
        explain(tmp_path, "x")


def test_before_curate_and_shard_it_says_what_is_open(tmp_path: Path) -> None:
    write_corpus(tmp_path, {"a": [document(1)]})
    assert "run the stage curate" in explain(tmp_path, name(1)).render()
    run_curate(tmp_path)
    assert "run the stage shard" in explain(tmp_path, name(1)).render()


def test_tokens_are_found_where_the_stage_shard_put_them(root: Path) -> None:
    shard(root)
    (train,) = explain(root, name(0x111111)).documents
    assert train.place is not None
    assert (train.place.split, train.place.shard, train.place.sequence, train.place.tokens) == (
        "train",
        "shard-00001",
        1,
        8,
    )
    (held_out,) = explain(root, name(0x555555)).documents
    assert "sequence 0 of data/tokens/val/shard-00000.bin (validation" in held_out.render()
    (removed,) = explain(root, name(0x444444)).documents
    assert "removed from training by shard: validation_overlap, 0.5 against 0.05" in removed.render()
    assert removed.place is None


def test_many_answers_are_cut_and_counted(tmp_path: Path) -> None:
    write_corpus(tmp_path, {"a": [document(n, url="https://same.example/") for n in range(30)]})
    run_curate(tmp_path)
    answer = explain(tmp_path, "https://same.example/")
    assert (len(answer.documents), answer.more) == (20, 10)
    assert "10 more documents match" in answer.render()


def test_a_limit_that_was_changed_since_is_shown_as_such(tmp_path: Path) -> None:
    write_corpus(tmp_path, {"a": [document(1, words=30)]})
    run_curate(tmp_path)
    (tmp_path / "params.yaml").write_text("curate: {length: {min_words: 50}}\n")
    text = explain(tmp_path, name(1)).render()
    assert "kept by curate" in text
    assert "would break now curate.length.min_words: words 30 < 50" in text
