"""The folder of a release: written beside, then put in place as a whole; never in the place of anything else."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bessemer.errors import ConfigError
from bessemer.shards import write_bytes, write_json

CARD = "README.md"
FACTS = "release.json"
"""The file by which an export knows a folder that it may replace."""


def replace_release(target: Path, files: Mapping[str, Path], card: str, facts: Mapping[str, Any]) -> None:
    """Write a release.

    Args:
        target: missing, empty, or an earlier release.
        files: name to the file that is copied; links are followed, so that the release stands on its own.
        card: ``README.md``.
        facts: ``release.json``; its ``files`` has the SHA-256 of each file.

    Raises:
        ConfigError: the target is, or has in it, something else.
    """
    _require_replaceable(target)
    beside = target.with_name(f".{target.name}.saving")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    for name, path in files.items():
        shutil.copyfile(path, beside / name)
        _flush(beside / name)
    write_bytes(beside / CARD, card.encode())
    write_json(beside / FACTS, facts)
    before = target.with_name(f".{target.name}.before")
    shutil.rmtree(before, ignore_errors=True)
    if target.exists():
        target.rename(before)
    beside.rename(target)
    shutil.rmtree(before, ignore_errors=True)


def _require_replaceable(target: Path) -> None:
    above = next(folder for folder in target.absolute().parents if folder.exists())
    if target.is_symlink() or (target.exists() and not target.is_dir()) or not above.is_dir():
        raise ConfigError(f"--to: {target} is no folder; name one that is not there yet.")
    if target.is_dir() and any(target.iterdir()) and not (target / FACTS).is_file():
        raise ConfigError(f"--to: {target} has other files than a release in it; name another folder.")


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
