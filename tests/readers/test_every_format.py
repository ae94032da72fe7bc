"""Every format in every compression: whole, cut, with a flipped byte, empty, as a bomb, and under a false name."""

import io
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bessemer.config.sources import Columns
from bessemer.errors import DataError
from bessemer.readers.formats import format_of, read_file
from bessemer.readers.records import Item, Limits, Reason, Record, Skip, Skipped, Unreadable
from tests.readers import real_files

LIMITS = Limits(record_bytes=1 << 20, expansion=200.0, undecodable=0.001)
FILES = real_files.whole_files()
WITHOUT_END = {"rows.jsonl", "docs.warc", "help.wet", "book.txt", "book.md", "page.html"}
"""Files whose end nothing marks: what is left after a cut between records is a whole file."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("formats")


def read(folder: Path, name: str, data: bytes, limits: Limits = LIMITS) -> list[Item]:
    path = folder / name
    path.write_bytes(data)
    return list(read_file(path, name, format_of(name), Columns(), limits))


def count(items: list[Item]) -> int:
    return sum(item.records if isinstance(item, Unreadable) else 1 for item in items)


def unreadable(items: list[Item]) -> list[Unreadable]:
    return [item for item in items if isinstance(item, Unreadable)]


@pytest.mark.parametrize("name", FILES)
def test_a_whole_file_gives_every_record_once(folder: Path, name: str) -> None:
    data, records = FILES[name]
    items = read(folder, name, data)
    assert unreadable(items) == []
    assert count(items) == records
    places = [item.locator for item in items if isinstance(item, Record)]
    assert len(set(places)) == len(places) > 0
    assert all(item.text or item.html for item in items if isinstance(item, Record))


@pytest.mark.parametrize("name", ["rows.jsonl", "array.json", "rows.parquet", "rows.arrow", "rows.feather"])
def test_formats_with_fields_give_the_texts_and_facts_of_the_sample(folder: Path, name: str) -> None:
    items = read(folder, name, FILES[name][0])
    found = [item for item in items if isinstance(item, Record)]
    for item, row in zip(found, real_files.rows(), strict=True):
        assert (item.text, item.url) == (row["text"], row.get("url"))
        assert item.meta == {key: value for key, value in row.items() if key not in ("text", "url")}


@pytest.mark.parametrize("name", [name for name in FILES if "." in name[name.index(".") + 1 :]])
def test_compression_changes_no_record(folder: Path, name: str) -> None:
    plain = name.rpartition(".")[0]
    items = read(folder, name, FILES[name][0])
    renamed = [repr(item).replace(name, plain) for item in items]
    assert renamed == [repr(item) for item in read(folder, plain, FILES[plain][0])]


def check_cut(folder: Path, name: str, size: int) -> None:
    data, records = FILES[name]
    whole = {item.locator: item for item in read(folder, name, data) if isinstance(item, Record)}
    items = read(folder, name, data[:size])
    bad = unreadable(items)
    if name == "rows.jsonl":
        assert count(items) == max(1, len(data[:size].splitlines()))
    elif name in WITHOUT_END:
        begun = data[:size].count(b"WARC/1.0\r\n") if name.endswith(("warc", "wet")) else 1
        assert count(items) >= begun
    else:
        assert count(items) == records or any(item.ends_file for item in bad)
    if not name.startswith(("book", "page", "docs.warc")):
        kept = [item for item in items if isinstance(item, Record) and not item.whole_file]
        assert all(whole[item.locator] == item for item in kept)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("part", [0.0, 0.02, 0.5, 0.98])
def test_a_cut_file_keeps_what_is_there_and_says_what_is_not(folder: Path, name: str, part: float) -> None:
    check_cut(folder, name, int(len(FILES[name][0]) * part))
    check_cut(folder, name, len(FILES[name][0]) - 1)


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from(sorted(FILES)), data=st.data())
def test_cut_at_any_byte_no_file_raises_or_loses_a_record_in_silence(
    folder: Path, name: str, data: st.DataObject
) -> None:
    check_cut(folder, name, data.draw(st.integers(0, len(FILES[name][0]) - 1)))


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from(sorted(FILES)), bit=st.integers(0, 7), data=st.data())
def test_with_any_bit_flipped_no_file_loses_a_record_in_silence(
    folder: Path, name: str, bit: int, data: st.DataObject
) -> None:
    content, records = FILES[name]
    broken = bytearray(content)
    broken[data.draw(st.integers(0, len(content) - 1))] ^= 1 << bit
    try:
        items = read(folder, name, bytes(broken))
    except DataError as error:  # the bit was in the name of the column with the text
        assert "no column text" in str(error)  # noqa: PT017
        return
    assert unreadable(items) or count(items) == records


@pytest.mark.parametrize("name", FILES)
def test_an_empty_file_is_one_record_in_quarantine(folder: Path, name: str) -> None:
    (item,) = read(folder, name, b"")
    assert isinstance(item, Unreadable)
    assert (item.reason, item.ends_file) == (Reason.EMPTY_FILE, True)


@pytest.mark.parametrize("name", [name for name in FILES if not name.startswith("book")])
def test_what_is_not_what_its_name_says_is_set_aside(folder: Path, name: str) -> None:
    items = read(folder, name, real_files.text())
    if name != "page.html":  # every text is a page to a browser
        assert unreadable(items)
        assert not any(isinstance(item, Record) for item in items)


@pytest.mark.parametrize("suffix", [suffix for suffix in real_files.COMPRESSIONS if suffix])
@pytest.mark.parametrize("name", [name for name in real_files.FORMATS if not name.endswith(".zip")])
def test_a_bomb_ends_at_the_limit(folder: Path, name: str, suffix: str) -> None:
    start = FILES[name][0][:200] if name.endswith(("json", "xml")) else b""
    bomb = real_files.COMPRESSIONS[suffix](start + bytes(24_000_000))
    limits = Limits(record_bytes=200_000, expansion=10.0, undecodable=0.001)
    reasons = [item.reason for item in unreadable(read(folder, name + suffix, bomb, limits))]
    assert reasons
    expected = {Reason.EXPANSION, Reason.TOO_LARGE}  # a page and a text are not read beyond a record's size
    assert expected & set(reasons) or name in ("docs.warc", "help.wet", "dump.xml", "all.tar")


def zip_of(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def tar_of(members: dict[str, bytes], kind: bytes = tarfile.REGTYPE) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.type, info.size, info.linkname = kind, len(data), "/etc/passwd"
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@pytest.mark.parametrize(("name", "pack"), [("a.zip", zip_of), ("a.tar", tar_of)])
def test_an_archive_inside_an_archive_is_set_aside_and_its_neighbours_stay(
    folder: Path, name: str, pack: object
) -> None:
    make = zip_of if pack is zip_of else tar_of
    inner = {"inner.zip": zip_of({"a.txt": b"x"}), "inner.tar.gz": b"", "good.txt": b"words"}
    items = read(folder, name, make(inner))
    assert [item.reason for item in unreadable(items)] == [Reason.UNSUPPORTED] * 2
    assert [item.text for item in items if isinstance(item, Record)] == ["words"]


@pytest.mark.parametrize(("name", "pack"), [("a.zip", zip_of), ("a.tar", tar_of)])
def test_a_path_that_leads_outside_is_only_a_name_and_nothing_is_written(
    tmp_path: Path, name: str, pack: object
) -> None:
    make = zip_of if pack is zip_of else tar_of
    (tmp_path / "deep").mkdir()
    items = read(tmp_path / "deep", name, make({"../../escape.txt": b"words", "/tmp/absolute.txt": b"more"}))
    assert [item.text for item in items if isinstance(item, Record)] == ["words", "more"]
    assert sorted(path.name for path in tmp_path.rglob("*")) == sorted([name, "deep"])


def test_links_in_an_archive_are_followed_nowhere(folder: Path) -> None:
    items = read(folder, "a.tar", tar_of({"a.txt": b""}, tarfile.SYMTYPE))
    assert items == [Skipped(Skip.ARCHIVE_OTHER)]


def test_members_of_the_same_name_have_places_of_their_own(folder: Path) -> None:
    data = tar_of({"a.txt": b"one"})[:1024] + tar_of({"a.txt": b"two"})
    items = read(folder, "a.tar", data)
    assert [(item.locator, item.text) for item in items if isinstance(item, Record)] == [
        ("a.tar!1/a.txt", "one"),
        ("a.tar!2/a.txt", "two"),
    ]


def test_small_members_that_expand_little_each_are_bounded_together(folder: Path) -> None:
    limits = Limits(record_bytes=100_000, expansion=20.0, undecodable=0.001)
    line = b'{"text": "' + b"a" * 90_000 + b'"}\n'
    items = read(folder, "a.zip", zip_of({f"{number}.jsonl": line for number in range(100)}), limits)
    assert count(items) == 100
    assert {item.reason for item in unreadable(items)} == {Reason.EXPANSION}
    assert unreadable(items)[-1].ends_file


def test_an_arrow_batch_that_claims_to_unpack_absurdly_is_not_unpacked(folder: Path) -> None:
    table = pa.table({"text": ["\0" * 90_000] * 200})
    buffer = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(buffer, table.schema, options=options) as writer:
        writer.write_table(table)
    items = read(folder, "a.arrow", buffer.getvalue())
    assert next((item.reason, item.records) for item in unreadable(items)) == (Reason.EXPANSION, 200)


def test_arrow_without_the_text_column_is_refused_with_the_columns_that_exist(folder: Path) -> None:
    buffer = io.BytesIO()
    table = pa.table({"body": ["a"], "title": ["b"]})
    with pa.ipc.new_stream(buffer, table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(DataError, match=r"no column text; its columns are body, title"):
        read(folder, "a.feather", buffer.getvalue())
