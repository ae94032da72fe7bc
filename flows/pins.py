"""Keep sources.lock.yaml in step with the files that params.yaml names, and say what has changed in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from bessemer.config.sources import Source
from bessemer.errors import ConfigError
from bessemer.sources import LOCK, Lock, lock_sources, read_lock, write_lock

SHOWN = 8
"""Differences that are listed; the rest is a count."""


def update_lock(root: Path, sources: Sequence[Source], cache: Path, console: Console, *, refresh: bool = False) -> None:
    """Pin ``sources``; an unchanged size and time reuses the digest known in ``cache`` unless ``refresh`` is set.

    Raises:
        ConfigError: a source does not exist or cannot be one.
        DataError: a remote source cannot be reached.
    """
    before = _previous(root)
    known = None if refresh else root / cache
    lock = lock_sources(sources, root, known, None if refresh else before)
    if not write_lock(lock, root / LOCK):
        return
    lines = list(differences(before, lock))
    for line in lines[:SHOWN]:
        console.print(f"{LOCK}: {line}", markup=False, soft_wrap=True)
    if len(lines) > SHOWN:
        console.print(f"{LOCK}: and {len(lines) - SHOWN:,} files more")


def differences(before: Lock | None, after: Lock) -> Iterator[str]:
    """One line per file or data set that came, left or changed between two locks, sorted by path."""
    old, new = _pins(before), _pins(after)
    for path in sorted({*old, *new}):
        if path not in old:
            yield f"+ {path}"
        elif path not in new:
            yield f"- {path}"
        elif old[path] != new[path]:
            yield f"~ {path}"


def _pins(lock: Lock | None) -> dict[str, str]:
    pins = {}
    for source in lock.sources if lock is not None else []:
        pins.update({f"{source.base}/{file.path}": f"{source.name} {file.content}" for file in source.files})
        if source.huggingface is not None:
            pins[source.huggingface.repository] = f"{source.name} {source.huggingface.model_dump()}"
    return pins


def _previous(root: Path) -> Lock | None:
    try:
        return read_lock(root / LOCK)
    except ConfigError:
        return None
