"""Bytes of compressed files: the same as Python's own modules give, and bounded when the file lies."""

import gzip
import tracemalloc
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from bessemer.readers.damage import Damaged
from bessemer.readers.records import Limits, Reason
from bessemer.readers.streams import ByteStream
from tests.readers import hostile

GENEROUS = Limits(record_bytes=1 << 24, expansion=1e6, undecodable=0.0)


def read_all(path: Path, limits: Limits = GENEROUS) -> bytes:
    with ByteStream(path, limits) as stream:
        return b"".join(iter(stream.read, b""))


def read_until_damage(path: Path, limits: Limits) -> tuple[bytes, Damaged]:
    pieces = []
    with ByteStream(path, limits) as stream:
        try:
            while piece := stream.read():
                pieces.append(piece)
        except Damaged as damage:
            with pytest.raises(Damaged):
                stream.read()
            return b"".join(pieces), damage
    raise AssertionError(f"{path} is not damaged")


@given(parts=st.lists(st.binary(max_size=5000), min_size=1, max_size=4))
def test_gzip_of_many_members_and_zstd_of_many_frames_are_read_whole(
    tmp_path_factory: pytest.TempPathFactory, parts: list[bytes]
) -> None:
    folder = tmp_path_factory.mktemp("streams")
    (folder / "a.gz").write_bytes(b"".join(gzip.compress(part, mtime=0) for part in parts))
    (folder / "a.zst").write_bytes(b"".join(zstandard.compress(part) for part in parts))
    (folder / "a").write_bytes(b"plain" + b"".join(parts))
    assert read_all(folder / "a.gz") == b"".join(parts)
    assert read_all(folder / "a.zst") == b"".join(parts)
    assert read_all(folder / "a") == b"plain" + b"".join(parts)


def test_a_truncated_file_gives_what_is_there_and_then_says_so(tmp_path: Path) -> None:
    content = hostile.json_lines(5000)
    for path in (
        hostile.truncated_gzip(tmp_path / "a.gz", content),
        hostile.truncated_zstd(tmp_path / "a.zst", content),
    ):
        data, damage = read_until_damage(path, GENEROUS)
        assert damage.reason is Reason.TRUNCATED
        assert content.startswith(data)
        assert len(data) > len(content) // 2


def test_a_corrupt_gzip_gives_everything_before_the_damage(tmp_path: Path) -> None:
    content = hostile.json_lines(5000)
    data, damage = read_until_damage(hostile.corrupt_gzip(tmp_path / "a.gz", content), GENEROUS)
    assert damage.reason is Reason.CORRUPT
    assert content.startswith(data[: len(content) // 3])
    assert len(data) > len(content) // 3


@pytest.mark.parametrize(("make", "name"), [(hostile.gzip_bomb, "b.gz"), (hostile.zstd_bomb, "b.zst")])
def test_a_bomb_ends_at_the_limit_and_in_bounded_memory(tmp_path: Path, make: object, name: str) -> None:
    path = hostile.gzip_bomb(tmp_path / name) if make is hostile.gzip_bomb else hostile.zstd_bomb(tmp_path / name)
    limits = Limits(record_bytes=1_000_000, expansion=20.0, undecodable=0.0)
    tracemalloc.start()
    data, damage = read_until_damage(path, limits)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert damage.reason is Reason.EXPANSION
    assert len(data) <= max(1_000_000, 20 * path.stat().st_size)
    assert peak < 150_000_000


def test_a_name_that_promises_gzip_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(b"plain text")
    assert read_until_damage(tmp_path / "a.gz", GENEROUS)[1].reason is Reason.CORRUPT


def test_garbage_after_the_last_member_is_reported_and_padding_is_not(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"text", mtime=0) + b"garbage")
    data, damage = read_until_damage(tmp_path / "a.gz", GENEROUS)
    assert (data, damage.reason) == (b"text", Reason.CORRUPT)
    (tmp_path / "b.gz").write_bytes(gzip.compress(b"text", mtime=0) + bytes(512))
    assert read_all(tmp_path / "b.gz") == b"text"
