"""The shard cache: content-addressed results of single jobs, shared by experiments, size-capped.

DVC decides whether a stage runs; this cache decides, inside a stage, which of its jobs must be computed. A key holds
everything that a result depends on, so deleting the folder is always safe and costs time only.
"""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import xxhash

from bessemer.shards import file_digest

_RESULT = "_result.json"
_GIGABYTE = 10**9


def cache_key(*parts: object) -> str:
    """Key of a job: digest of the canonical JSON of ``parts``."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return xxhash.xxh3_128_hexdigest(text.encode())


class ShardCache:
    """Folders named by key, each committed by one rename.

    Args:
        directory: root of the cache; created when first written to.
        max_bytes: after :meth:`evict`, the least recently used entries beyond this size are gone.
    """

    def __init__(self, directory: Path, max_bytes: int) -> None:
        self.directory, self.max_bytes = directory, max_bytes

    def get(self, key: str) -> tuple[Path, dict[str, Any]] | None:
        """Folder and result of an entry, or None. A damaged entry is removed and counts as absent."""
        folder = self._folder(key)
        try:
            result: dict[str, Any] = json.loads((folder / _RESULT).read_bytes())
            intact = all(
                (folder / name).stat().st_size == size and file_digest(folder / name) == digest
                for name, (size, digest) in result["files"].items()
            )
            os.utime(folder)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):  # the last two: JSON, but no result
            intact = False
        if not intact:
            shutil.rmtree(folder, ignore_errors=True)
            return None
        return folder, result["value"]

    def workspace(self) -> Path:
        """An empty folder on the cache's file system, to be given to :meth:`put`."""
        self.directory.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=".tmp-", dir=self.directory))

    def put(self, key: str, workspace: Path, value: Mapping[str, Any], *, replace: bool = False) -> Path:
        """Commit a workspace under ``key``; when another process was first, its entry stays, unless ``replace``."""
        files = {
            path.relative_to(workspace).as_posix(): (path.stat().st_size, file_digest(path))
            for path in sorted(workspace.rglob("*"))
            if path.is_file()
        }
        result = json.dumps({"files": files, "value": dict(value)}, sort_keys=True)
        # Not waited for on the disk, as the files are not: an entry that a power cut damages counts as absent.
        (workspace / _RESULT).write_text(result, encoding="utf-8")
        folder = self._folder(key)
        folder.parent.mkdir(parents=True, exist_ok=True)
        if replace:
            shutil.rmtree(folder, ignore_errors=True)
        try:
            workspace.replace(folder)
        except OSError:
            shutil.rmtree(workspace, ignore_errors=True)
        return folder

    def evict(self) -> int:
        """Remove abandoned workspaces and the least recently used entries beyond the cap; bytes freed."""
        entries = [weighed for entry in self._entries() if (weighed := _weigh(entry)) is not None]
        newest = max((mtime for mtime, _, _ in entries), default=0.0)
        for abandoned in self.directory.glob(".tmp-*"):
            with contextlib.suppress(FileNotFoundError):  # committed or removed by its own process meanwhile
                if abandoned.stat().st_mtime < newest - 86_400:
                    shutil.rmtree(abandoned, ignore_errors=True)
        excess = sum(size for _, size, _ in entries) - self.max_bytes
        freed = 0
        for _, size, folder in sorted(entries):
            if freed >= excess:
                break
            shutil.rmtree(folder, ignore_errors=True)
            freed += size
        return freed

    def _entries(self) -> Iterator[os.DirEntry[str]]:
        """Folders of all entries. ``Path.glob`` takes several times as long, and there are many."""
        with os.scandir(self.directory) as prefixes:
            for prefix in prefixes:
                if len(prefix.name) == 2:
                    gone = contextlib.suppress(FileNotFoundError, NotADirectoryError)  # removed meanwhile, or not ours
                    with gone, os.scandir(prefix) as entries:
                        yield from entries

    def _folder(self, key: str) -> Path:
        return self.directory / key[:2] / key


def _weigh(entry: os.DirEntry[str]) -> tuple[float, int, str] | None:
    """Time of last use, bytes and folder of an entry; None if another process evicted it meanwhile."""
    try:
        return entry.stat().st_mtime, _size(entry.path), entry.path
    except FileNotFoundError:
        return None


def _size(folder: str) -> int:
    """Bytes of all files below a folder."""
    with os.scandir(folder) as items:
        return sum(_size(item.path) if item.is_dir() else item.stat().st_size for item in items)


def open_cache(directory: Path, max_gb: float) -> ShardCache:
    """The cache of ``runtime.cache_dir`` and ``runtime.cache_max_gb``."""
    return ShardCache(directory, int(max_gb * _GIGABYTE))
