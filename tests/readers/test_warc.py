"""WARC: damaged records are named, the next one is found, and nothing is counted twice or not at all."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bessemer.readers.records import Item, Reason, Record, Skip, Skipped, Unreadable
from bessemer.readers.warc import read_warc
from tests.readers.hostile import LIMITS, archive, gzip_members, http_response, page, warc_record


def read(folder: Path, data: bytes, name: str = "a.warc") -> list[Item]:
    path = folder / name
    path.write_bytes(data)
    return list(read_warc(path, name, LIMITS))


def urls(items: list[Item]) -> list[str | None]:
    return [item.url for item in items if isinstance(item, Record)]


def reasons(items: list[Item]) -> list[Reason]:
    return [item.reason for item in items if isinstance(item, Unreadable)]


@given(bodies=st.lists(st.binary(max_size=300), min_size=1, max_size=6), compressed=st.booleans())
def test_any_bytes_in_the_body_come_back(
    tmp_path_factory: pytest.TempPathFactory, bodies: list[bytes], compressed: bool
) -> None:
    bodies = [b"<p>" + body for body in bodies]
    records = [warc_record("response", f"http://x/{n}", http_response(body)) for n, body in enumerate(bodies)]
    data = b"".join(gzip_members(records) if compressed else records)
    found = read(tmp_path_factory.mktemp("warc"), data)
    assert [item.html for item in found if isinstance(item, Record)] == bodies


def test_records_that_are_no_documents_are_stated_by_kind(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        b"".join(
            [
                warc_record("warcinfo", "", b"software: x\r\n", "application/warc-fields"),
                warc_record("request", "http://x", b"GET / HTTP/1.1\r\n\r\n", "application/http; msgtype=request"),
                warc_record("revisit", "http://x", b"HTTP/1.1 200 OK\r\n\r\n"),
                warc_record("metadata", "http://x", b"a: b\r\n", "application/warc-fields"),
                warc_record("response", "http://x/404", http_response(page(1), "404 Not Found")),
                warc_record(
                    "response", "http://x/pdf", http_response(b"%PDF", headers="Content-Type: application/pdf\r\n")
                ),
                warc_record("response", "http://x/empty", http_response(b"")),
                warc_record("response", "http://x/1", http_response(page(1))),
            ]
        ),
    )
    assert [item.kind for item in found if isinstance(item, Skipped)] == [
        Skip.WARC_INFO,
        Skip.WARC_REQUEST,
        Skip.WARC_REVISIT,
        Skip.WARC_METADATA,
        Skip.HTTP_STATUS,
        Skip.NOT_HTML,
        Skip.EMPTY_TEXT,
    ]
    assert [(item.url, item.locator) for item in found if isinstance(item, Record)] == [("http://x/1", "a.warc:8")]


def test_conversion_records_are_text(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        warc_record("conversion", "http://x/1", "Grüße".encode(), "text/plain")
        + warc_record("conversion", "http://x/2", b"\xff\xfe", "text/plain"),
        "a.warc.wet",
    )
    assert [(item.text, item.url, item.date) for item in found if isinstance(item, Record)] == [
        ("Grüße", "http://x/1", "2024-01-01T00:00:00Z")
    ]
    assert reasons(found) == [Reason.ENCODING]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"WARC/1.0\r\n", b"JUNK/1.0\r\n"),
        (b"Content-Length: ", b"Content-Length: x"),
        (b"Content-Length: ", b"Content-Length: -"),
        (b"Content-Length: ", b"Content-Length: 9"),
        (b"Content-Length: ", b"X-Length: "),
        (b"Content-Length: 1", b"Content-Length: "),
    ],
)
def test_a_broken_header_costs_its_own_record_only(tmp_path: Path, old: bytes, new: bytes) -> None:
    records = archive(5)
    records[2] = records[2].replace(old, new, 1)
    found = read(tmp_path, b"".join(records))
    assert urls(found) == ["http://x/1", "http://x/2", "http://x/4", "http://x/5"]
    assert reasons(found) == [Reason.MALFORMED]


def test_garbage_between_records_is_reported_and_passed(tmp_path: Path) -> None:
    records = archive(3)
    found = read(tmp_path, records[0] + b"garbage\r\nmore of it\r\n\r\n" + records[1] + records[2])
    assert urls(found) == ["http://x/1", "http://x/2", "http://x/3"]
    assert reasons(found) == [Reason.MALFORMED]


def test_a_damaged_gzip_member_costs_its_own_record_only(tmp_path: Path) -> None:
    members = gzip_members(archive(5))
    members[2] = members[2][:40] + bytes(20) + members[2][60:]
    found = read(tmp_path, b"".join(members), "a.warc.gz")
    assert urls(found) == ["http://x/1", "http://x/2", "http://x/4", "http://x/5"]
    assert reasons(found) == [Reason.CORRUPT]


def test_an_archive_in_one_gzip_stream_is_read_and_its_cut_end_is_stated(tmp_path: Path) -> None:
    data = gzip.compress(b"".join(archive(200)), mtime=0)
    assert len(urls(read(tmp_path, data, "a.warc.gz"))) == 200
    found = read(tmp_path, data[: len(data) // 2], "b.warc.gz")
    assert 50 < len(urls(found)) < 150
    assert reasons(found) == [Reason.TRUNCATED]
    assert isinstance(found[-1], Unreadable)
    assert found[-1].ends_file


@pytest.mark.parametrize("cut", [3, 60, 200, 300, -5])
def test_a_cut_anywhere_in_the_last_record_is_one_quarantined_record(tmp_path: Path, cut: int) -> None:
    records = archive(2)
    found = read(tmp_path, records[0] + records[1][:cut])
    assert urls(found) == ["http://x/1"]
    assert len(reasons(found)) == 1


def test_a_record_larger_than_allowed_is_passed_over(tmp_path: Path) -> None:
    records = archive(3)
    records[1] = warc_record("response", "http://x/2", http_response(b"<p>" + b"x" * 300_000))
    found = read(tmp_path, b"".join(records))
    assert urls(found) == ["http://x/1", "http://x/3"]
    assert reasons(found) == [Reason.TOO_LARGE]


def test_a_bomb_in_the_body_is_not_unpacked(tmp_path: Path) -> None:
    body = gzip.compress(bytes(5_000_000), mtime=0)
    headers = "Content-Type: text/html\r\nContent-Encoding: gzip\r\n"
    found = read(tmp_path, warc_record("response", "http://x/1", http_response(body, headers=headers)))
    assert reasons(found) == [Reason.TOO_LARGE]


def test_transfer_and_content_codings_are_undone(tmp_path: Path) -> None:
    zipped = gzip.compress(page(7), mtime=0)
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(zipped), zipped)
    headers = "Content-Type: text/html; charset=koi8-r\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"
    (item,) = read(tmp_path, warc_record("response", "http://x/7", http_response(chunked, headers=headers)))
    assert isinstance(item, Record)
    assert (item.html, item.charset) == (page(7), "koi8-r")


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"this is no archive\n" * 9])
def test_a_file_without_a_record_is_reported(tmp_path: Path, data: bytes) -> None:
    (item,) = read(tmp_path, data)
    assert isinstance(item, Unreadable)
    assert item.reason in {Reason.EMPTY_FILE, Reason.MALFORMED}


@given(data=st.binary(max_size=600), at=st.integers(0, 900))
def test_whatever_is_spliced_in_nothing_is_raised(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, at: int
) -> None:
    whole = b"".join(archive(3))
    read(tmp_path_factory.mktemp("fuzz"), whole[:at] + data + whole[at:])
