"""The shard cache: an entry is whole or absent, and the oldest leaves first."""

import os
from pathlib import Path

import pytest

from bessemer.cache import ShardCache, cache_key


def _entry(cache: ShardCache, name: str, size: int = 1000) -> str:
    workspace = cache.workspace()
    (workspace / "part.bin").write_bytes(name.encode() * (size // len(name)))
    key = cache_key(name)
    cache.put(key, workspace, {"name": name})
    return key


def test_a_key_depends_on_every_part() -> None:
    assert len({cache_key("a", {"x": 1}), cache_key("a", {"x": 2}), cache_key("b", {"x": 1}), cache_key("a")}) == 4


def test_an_entry_comes_back_as_it_was(tmp_path: Path) -> None:
    cache = ShardCache(tmp_path, 10**6)
    found = cache.get(_entry(cache, "a"))
    assert found is not None
    assert found[1] == {"name": "a"}
    assert (found[0] / "part.bin").read_bytes() == b"a" * 1000


@pytest.mark.parametrize("left", [b"", b"\0" * 100, b"[]", b"3", b'{"files": 1}', b'{"files": {"part.bin": 7}}', b"{}"])
def test_what_a_power_cut_leaves_of_a_result_counts_as_absent(tmp_path: Path, left: bytes) -> None:
    cache = ShardCache(tmp_path, 10**6)
    key = _entry(cache, "a")
    (result,) = tmp_path.glob("*/*/_result.json")
    result.write_bytes(left)
    assert cache.get(key) is None
    assert not result.exists()
    assert cache.get(_entry(cache, "a")) is not None


def test_a_result_that_was_cut_off_counts_as_absent(tmp_path: Path) -> None:
    cache = ShardCache(tmp_path, 10**6)
    key = _entry(cache, "a")
    (result,) = tmp_path.glob("*/*/_result.json")
    whole = result.read_bytes()
    for length in range(len(whole)):
        _entry(cache, "a")
        result.write_bytes(whole[:length])
        assert cache.get(key) is None


def test_the_second_of_two_writers_changes_nothing(tmp_path: Path) -> None:
    cache = ShardCache(tmp_path, 10**6)
    key = _entry(cache, "a")
    _entry(cache, "a")
    assert cache.get(key) is not None
    assert list(tmp_path.glob(".tmp-*")) == []


def test_the_least_recently_used_entries_leave_first(tmp_path: Path) -> None:
    cache = ShardCache(tmp_path, 2500)
    keys = [_entry(cache, name) for name in "abc"]
    for age, key in enumerate(reversed(keys)):
        os.utime(tmp_path / key[:2] / key, (1_000_000 - age, 1_000_000 - age))
    assert cache.get(keys[0]) is not None
    assert cache.evict() > 0
    assert [cache.get(key) is not None for key in keys] == [True, False, True]
