"""How much a checkout holds: what each stage has written, and what is kept beside it."""

import os
from collections.abc import Iterator
from pathlib import Path

from bessemer.config.read import read_yaml
from bessemer.config.runtime import Runtime, load_runtime
from bessemer.errors import ConfigError

DVC_LOCK = "dvc.lock"
_KEPT_VERSIONS, _CHECKPOINTS = ".dvc/cache", ".scratch"


def stage_bytes(root: Path) -> dict[str, int]:
    """Bytes of the outputs of each stage, as dvc.lock has them; none where it cannot be read."""
    try:
        stages = read_yaml(root / DVC_LOCK).get("stages") or {}
        return {
            name: sum(int(out.get("size") or 0) for out in entry.get("outs") or []) for name, entry in stages.items()
        }
    except (ConfigError, AttributeError, TypeError, ValueError):
        return {}


def beside(root: Path) -> dict[str, int]:
    """Bytes of what is kept beside the outputs, by what it is for; only what is there.

    The versions that DVC keeps hold the present outputs too, of which a link takes no room of its own.
    """
    try:
        runtime = load_runtime(root)
    except ConfigError:
        runtime = Runtime()
    folders = {
        "in DVC's store of versions": root / _KEPT_VERSIONS,
        "in the shard cache": root / runtime.cache_dir,
        "in checkpoints": root / _CHECKPOINTS,
    }
    return {name: folder_bytes(folder) for name, folder in folders.items() if folder.is_dir()}


def folder_bytes(folder: Path) -> int:
    """Bytes of all files below, one with several links counted once."""
    return sum({entry.inode(): entry.stat(follow_symlinks=False).st_size for entry in _files(folder)}.values())


def _files(folder: Path) -> Iterator["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as entries:
            found = list(entries)
    except OSError:
        return
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path))
        elif entry.is_file(follow_symlinks=False):
            yield entry
