"""The fast way through undamaged records gives what the careful one gives, whatever is done to the file."""

from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bessemer.readers.records import Item, Limits, Record
from bessemer.readers.warc import read_warc
from bessemer.readers.warc_undamaged import undamaged
from tests.readers.hostile import LIMITS, gzip_members, http_response, page, warc_record

RECORDS = [
    warc_record("warcinfo", "", b"software: x\r\n", "application/warc-fields"),
    *(warc_record("response", f"http://x/{n}", http_response(page(n) * (1 + n % 3))) for n in range(5)),
    warc_record("revisit", "http://x", b"HTTP/1.1 200 OK\r\n\r\n"),
    warc_record("conversion", "http://x/text", "ж text of a page".encode(), "text/plain"),
]


def both_ways(path: Path, limits: Limits = LIMITS) -> tuple[list[Item], list[Item]]:
    """What is read with the fast way, and without it."""
    fast = list(read_warc(path, path.name, limits))
    with mock.patch("bessemer.readers.warc.undamaged", return_value=()):
        return fast, list(read_warc(path, path.name, limits))


@settings(max_examples=300)
@given(compressed=st.booleans(), data=st.data())
def test_a_damaged_file_gives_the_same_items(
    tmp_path_factory: pytest.TempPathFactory, compressed: bool, data: st.DataObject
) -> None:
    raw = bytearray(b"".join(gzip_members(RECORDS) if compressed else RECORDS))
    for _ in range(data.draw(st.integers(0, 3))):
        at, upto = sorted(data.draw(st.tuples(*[st.integers(0, len(raw))] * 2)))
        upto = min(upto, at + data.draw(st.sampled_from([0, 1, 4, len(raw)])))
        raw[at:upto] = data.draw(st.one_of(st.binary(max_size=9), st.sampled_from([b"\r\n", b"\0" * 40, RECORDS[1]])))
    path = tmp_path_factory.mktemp("warc") / ("a.warc.gz" if compressed else "a.warc")
    path.write_bytes(raw)
    fast, careful = both_ways(path)
    assert fast == careful


@pytest.mark.parametrize("compressed", [False, True])
def test_an_undamaged_file_is_read_the_fast_way_up_to_its_last_record(tmp_path: Path, compressed: bool) -> None:
    path = tmp_path / "a.warc"
    path.write_bytes(b"".join(gzip_members(RECORDS) if compressed else RECORDS))
    found = list(undamaged(path, LIMITS, lambda record, kind, size, number: Record(str(number), size)))
    assert [whole.number for whole in found] == list(range(1, len(RECORDS)))
    assert [whole.item.size for whole in found] == [len(record) - 4 for record in RECORDS[:-1]]
    assert path.read_bytes()[found[-1].end :] == (gzip_members(RECORDS) if compressed else RECORDS)[-1]


SAME = [warc_record("response", f"http://x/{n}", http_response(page(n))) for n in range(1, 9)]
"""Records of the same size."""


@settings(max_examples=200)
@given(members=st.lists(st.integers(0, 3), min_size=1, max_size=8), cut=st.integers(0, 3))
def test_members_without_a_record_or_with_several_give_the_same_items(
    tmp_path_factory: pytest.TempPathFactory, members: list[int], cut: int
) -> None:
    left = list(SAME)
    joined = [b"".join(left.pop() for _ in range(min(count, len(left)))) for count in members]
    raw = b"".join(gzip_members(joined))
    path = tmp_path_factory.mktemp("warc") / "a.warc.gz"
    path.write_bytes(raw[: len(raw) - cut])
    fast, careful = both_ways(path)
    assert fast == careful


def test_a_repeated_field_that_decides_nothing_keeps_the_fast_way(tmp_path: Path) -> None:
    old, new = b"WARC-Type: ", b"WARC-Protocol: h2\r\nWARC-Protocol: tls/1.3\r\nWARC-Type: "
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"".join(gzip_members([record.replace(old, new, 1) for record in RECORDS])))
    read_all = list(undamaged(path, LIMITS, lambda record, kind, size, number: Record(str(number), size)))
    assert len(read_all) == len(RECORDS) - 1
    fast, careful = both_ways(path)
    assert fast == careful


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Content-Length: ", b"Content-Length: 1\r\nContent-Length: "),
        (b"WARC-Type: response", b"WARC-Type: response\r\n continued"),
        (b"WARC-Type: response", b"WARC-Type:response"),
        (b"WARC-Type: response", b"warc-type: RESPONSE"),
        (b"WARC-Type: response", b"WARC-Type: response2"),
        (b"Content-Length: ", b"Content-Length: +"),
        (b"WARC/1.0", b"WARC/0.9"),
        (b"\r\n", b"\n"),
        (b"WARC-Date: ", b"WARC-Date : "),
    ],
)
@pytest.mark.parametrize("compressed", [False, True])
def test_an_odd_header_gives_the_same_items(tmp_path: Path, old: bytes, new: bytes, compressed: bool) -> None:
    records = list(RECORDS)
    header, _, block = records[3].partition(b"\r\n\r\n")
    records[3] = header.replace(old, new) + b"\r\n\r\n" + block
    path = tmp_path / "a.warc"
    path.write_bytes(b"".join(gzip_members(records) if compressed else records))
    fast, careful = both_ways(path)
    assert fast == careful


@pytest.mark.parametrize("limits", [Limits(600, 1000.0, 0.05), Limits(2000, 0.5, 0.05)])
def test_what_is_over_a_limit_is_left_to_the_careful_way(tmp_path: Path, limits: Limits) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"".join(gzip_members(RECORDS)))
    fast, careful = both_ways(path, limits)
    assert fast == careful
