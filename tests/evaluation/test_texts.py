"""Texts to score: read as they are, or refused in a sentence."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from bessemer.errors import ConfigError, DataError
from bessemer.evaluation.texts import Document, read_reference, read_validation

RECORDS = [{"id": "a", "text": "Größe\n", "language": "de"}, {"text": "two", "language": "en"}]
LINES = "\n".join(json.dumps(record, ensure_ascii=False) for record in RECORDS).encode()


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_reference_texts_are_read_byte_for_byte_whatever_they_are_packed_in(tmp_path: Path, suffix: str) -> None:
    pack = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}[suffix]
    path = tmp_path / f"texts.jsonl{suffix}"
    path.write_bytes(pack(LINES))
    assert read_reference(path, group_field="language") == [
        Document("a", "Größe\n", (("language", "de"),)),
        Document("2", "two", (("language", "en"),)),
    ]
    assert read_reference(path)[0].bytes == 8


@pytest.mark.parametrize(
    ("content", "options", "error", "sentence"),
    [
        (b'{"text": "a"}\n{"body": "b"}', {}, ConfigError, "record 2 of .* has no text in 'text'"),
        (b'{"text": ""}', {}, ConfigError, "record 1 of .* has no text"),
        (b'{"text": "a"}', {"group_field": "language"}, ConfigError, "has nothing in 'language'"),
        (b"", {}, ConfigError, "has no records"),
        (b"{", {}, DataError, "cannot be read as JSON lines"),
        (b'["a"]', {}, DataError, "a line is not a JSON object"),
        (b'{"text": "\xff"}', {}, DataError, "cannot be read as JSON lines"),
    ],
)
def test_what_is_no_reference_file_is_refused_in_a_sentence(
    tmp_path: Path, content: bytes, options: dict[str, str], error: type[Exception], sentence: str
) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_bytes(content)
    with pytest.raises(error, match=sentence):
        read_reference(path, **options)


def test_a_missing_or_truncated_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no file"):
        read_reference(tmp_path / "none.jsonl")
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(gzip.compress(LINES * 50)[:-20])
    with pytest.raises(DataError, match="cannot be read"):
        read_reference(path)


def test_validation_is_read_in_order_up_to_a_number_of_tokens(tmp_path: Path) -> None:
    path = tmp_path / "documents.parquet"
    rows = [
        {"id": str(number), "text": text, "source": "s", "language": language, "tokens": 10}
        for number, (text, language) in enumerate([("one", "en"), ("", "en"), ("three", None), ("four", "fr")])
    ]
    pq.write_table(pa.Table.from_pylist(rows), path)
    assert [document.text for document in read_validation(path)] == ["one", "three", "four"]
    assert read_validation(path)[1].group("language") == "unknown"
    assert [document.text for document in read_validation(path, most_tokens=30)] == ["one", "three"]
    assert [document.text for document in read_validation(path, most_tokens=1)] == ["one"]
    with pytest.raises(DataError, match="run the stage shard"):
        read_validation(tmp_path / "none.parquet")
