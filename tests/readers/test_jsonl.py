"""JSON lines: every line ends as a record, in quarantine or as a stated skip."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bessemer.config.sources import Columns
from bessemer.readers.jsonl import read_jsonl
from bessemer.readers.records import Item, Limits, Reason, Record, Skip, Skipped, Unreadable
from tests.readers import hostile
from tests.readers.hostile import LIMITS

values = st.one_of(st.none(), st.booleans(), st.integers(-(2**40), 2**40), st.text(max_size=20))
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


def read(path: Path, columns: Columns | None = None, limits: Limits = LIMITS) -> list[Item]:
    return list(read_jsonl(path, path.name, columns or Columns(), limits))


def read_bytes(folder: Path, data: bytes, limits: Limits = LIMITS) -> list[Item]:
    path = folder / "a.jsonl"
    path.write_bytes(data)
    return read(path, limits=limits)


@given(
    rows=st.lists(st.tuples(texts, st.dictionaries(st.text(min_size=1, max_size=5), values, max_size=3)), min_size=1)
)
def test_what_json_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, dict[str, object]]]
) -> None:
    path = tmp_path_factory.mktemp("jsonl") / "a.jsonl"
    objects = [{f"m_{key}": value for key, value in meta.items()} | {"text": text} for text, meta in rows]
    path.write_text(
        "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in objects), encoding="utf-8", newline=""
    )
    found = read(path)
    assert [(item.text, dict(item.meta)) for item in found if isinstance(item, Record)] == [
        (row["text"], {key: value for key, value in row.items() if key != "text" and value is not None})
        for row in objects
    ]
    assert [item.locator for item in found if isinstance(item, Record)] == [
        f"a.jsonl:{number}" for number in range(1, len(rows) + 1)
    ]


def test_each_kind_of_bad_line_has_its_reason_and_the_good_ones_stay(tmp_path: Path) -> None:
    lines = [
        b'{"text": "good"}',
        b'{"text": "broken',
        b'{"text": "\xff\xfe"}',
        b'{"body": "no text here"}',
        b'{"text": 7}',
        b"[1, 2]",
        b"",
        b'{"text": null}',
        b'{"text": "last"}',
    ]
    found = read_bytes(tmp_path, b"\n".join(lines))
    assert [item.reason for item in found if isinstance(item, Unreadable)] == [
        Reason.MALFORMED,
        Reason.ENCODING,
        Reason.NO_TEXT_FIELD,
        Reason.WRONG_TYPE,
        Reason.MALFORMED,
    ]
    assert [item.kind for item in found if isinstance(item, Skipped)] == [Skip.BLANK_LINE, Skip.EMPTY_TEXT]
    assert [(item.text, item.locator) for item in found if isinstance(item, Record)] == [
        ("good", "a.jsonl:1"),
        ("last", "a.jsonl:9"),
    ]
    assert len(found) == len(lines)


def test_a_missing_text_field_is_reported_with_the_fields_that_exist(tmp_path: Path) -> None:
    (item,) = read_bytes(tmp_path, b'{"body": "x", "title": "y"}\n')
    assert isinstance(item, Unreadable)
    assert "body, title" in item.detail


def test_a_line_longer_than_a_record_may_be_is_passed_over(tmp_path: Path) -> None:
    path = hostile.one_long_line(tmp_path / "long.jsonl", 3_000_000)
    before, long, after = read(path)
    assert isinstance(before, Record)
    assert isinstance(after, Record)
    assert (before.text, after.text) == ("before", "after")
    assert isinstance(long, Unreadable)
    assert (long.reason, long.size, long.locator) == (Reason.TOO_LARGE, 3_000_000, "long.jsonl:2")
    assert long.excerpt == b"x" * 200


@pytest.mark.parametrize("size", [99_988, 99_989])
def test_the_limit_counts_the_bytes_of_the_line(tmp_path: Path, size: int) -> None:
    (item,) = read_bytes(tmp_path, b'{"text":"' + b"x" * size + b'"}\n')
    assert isinstance(item, Record) == (size + 11 < 100_000) or size + 11 == 100_000


def test_of_a_truncated_file_the_records_before_are_kept_and_the_end_is_stated(tmp_path: Path) -> None:
    content = hostile.json_lines(2000)
    found = read(hostile.truncated_gzip(tmp_path / "a.jsonl.gz", content))
    *records, last = found
    assert all(isinstance(item, Record) for item in records)
    assert len(records) > 1000
    assert isinstance(last, Unreadable)
    assert (last.reason, last.ends_file) == (Reason.TRUNCATED, True)


def test_an_empty_file_is_a_quarantined_record(tmp_path: Path) -> None:
    (item,) = read_bytes(tmp_path, b"")
    assert isinstance(item, Unreadable)
    assert item.reason is Reason.EMPTY_FILE


def test_a_byte_order_mark_and_a_missing_last_newline_do_no_harm(tmp_path: Path) -> None:
    (item,) = read_bytes(tmp_path, b'\xef\xbb\xbf{"text": "x"}')
    assert isinstance(item, Record)
    assert item.text == "x"


def test_fields_are_taken_by_the_names_that_the_source_gives(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "n1", "body": "x", "link": "http://a", "licence": "CC0", "date": "2020", "v": [1]}\n')
    (item,) = read(path, Columns(text="body", url="link", license="licence"))
    assert item == Record(
        "a.jsonl:1", item.size, text="x", url="http://a", date="2020", license="CC0", meta={"id": "n1", "v": [1]}
    )


def test_metadata_too_large_to_carry_is_named(tmp_path: Path) -> None:
    (item,) = read_bytes(tmp_path, json.dumps({"text": "x", "embedding": list(range(5000)), "k": 1}).encode())
    assert isinstance(item, Record)
    assert item.meta == {"k": 1, "left_out": ["embedding"]}
