"""The sources of raw text and their lock: every input file pinned by size and digest, every Hub data set by commit.

``ingest`` reads what the lock pins and nothing else, so its result is a function of ``sources.lock.yaml``. A file that
differs from its pin ends the stage instead of quietly changing the corpus.
"""

import fnmatch
import glob
import json
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from pydantic import Field, ValidationError

from bessemer.config.base import Strict
from bessemer.config.sources import Source
from bessemer.errors import ConfigError, DataError
from bessemer.globbing import matching_files
from bessemer.readers.formats import format_of
from bessemer.readers.hub import count_parts, resolve_revision
from bessemer.shards import file_digest, write_bytes, write_json

LOCK = Path("sources.lock.yaml")
LOCK_FORMAT = 1
REFERENCE = Path("data/sample/reference")
"""Fixed text that models trained on different corpora are compared on. It is never a source."""

_WILDCARDS = "*?["
_SETTLED_NS = 2_000_000_000
_REFRESH = "run `bessemer sources lock`"


class LockedFile(Strict):
    """A pinned file: path below its source's base, size in bytes, xxh3-128 in hex."""

    path: str
    size: int
    xxh3: str


class LockedHub(Strict):
    """A pinned Hub data set: what was asked for, the commit that it meant, and the number of independent parts."""

    repository: str
    revision: str
    config: str | None = None
    split: str
    commit: str
    parts: int


class LockedSource(Strict):
    """The files of one source below ``base``, the folder of its ``path`` in params.yaml; or its Hub data set."""

    name: str
    path: str | None = None
    base: str = "."
    files: list[LockedFile] = Field(default_factory=list)
    huggingface: LockedHub | None = None


class Lock(Strict):
    """``sources.lock.yaml``."""

    format: int = LOCK_FORMAT
    sources: list[LockedSource]


def lock_sources(
    sources: Sequence[Source], root: Path, digest_cache: Path | None, previous: Lock | None = None
) -> Lock:
    """Pin every source.

    Args:
        sources: of params.yaml.
        root: of the checkout; relative paths are relative to it.
        digest_cache: folder where digests are kept, and reused while a file's size and times stay as they are; none:
            every file is read.
        previous: the lock before. A Hub revision that is a branch or a tag keeps the commit it has there.

    Raises:
        ConfigError: a source does not exist, holds no file, has a file of unknown format, or reference text.
        DataError: a Hub data set cannot be reached.
    """
    _require_unique(source.name for source in sources)
    digests = _Digests(None if digest_cache is None else digest_cache / "source-digests.json")
    pinned = {source.name: source.huggingface for source in previous.sources} if previous is not None else {}
    locked = [
        _lock_files(source, root, digests) if source.huggingface is None else _lock_hub(source, pinned.get(source.name))
        for source in sorted(sources, key=lambda source: source.name)
    ]
    digests.save()
    return Lock(sources=locked)


def read_lock(path: Path) -> Lock:
    """Read a lock.

    Raises:
        ConfigError: it is missing, not a lock, or of another format.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        lock = Lock.model_validate(yaml.load(path.read_bytes(), Loader=loader))
    except FileNotFoundError:
        raise ConfigError(f"{path.name} is missing; {_REFRESH}.") from None
    except (yaml.YAMLError, ValidationError) as error:
        first = str(error).splitlines()[0]
        raise ConfigError(f"{path.name} is not a lock of sources ({first}); {_REFRESH}.") from None
    if lock.format != LOCK_FORMAT:
        raise ConfigError(f"{path.name} has format {lock.format}, this version reads {LOCK_FORMAT}; {_REFRESH}.")
    return lock


def write_lock(lock: Lock, path: Path) -> bool:
    """Write a lock: sorted, the same bytes for the same content.

    Returns:
        Whether the file changed; an equal one is left as it is.
    """
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    values: dict[str, Any] = lock.model_dump(exclude_none=True)
    for source in values["sources"]:
        for name in ("base", "files") if "huggingface" in source else ():
            del source[name]
    head = "# Written by `bessemer sources lock`: the input files of ingest, each pinned by size and xxh3-128.\n"
    body = yaml.dump(values, Dumper=dumper, sort_keys=False, allow_unicode=True, width=1000)
    data = (head + body).encode()
    if path.exists() and path.read_bytes() == data:
        return False
    write_bytes(path, data)
    return True


def require_locked(lock: Lock, sources: Sequence[Source]) -> None:
    """Make sure that a lock was made for these sources.

    Raises:
        ConfigError: a source is missing from the lock, or was changed since.
    """
    _require_unique(source.name for source in sources)
    known = {source.name: source for source in lock.sources}
    for source in sources:
        pinned = known.pop(source.name, None)
        if pinned is None:
            raise ConfigError(f"{LOCK}: the source {source.name} is not in it; {_REFRESH}.")
        if source.huggingface is not None:
            asked = pinned.huggingface.model_dump(exclude={"commit", "parts"}) if pinned.huggingface else None
            same = asked == source.huggingface.model_dump()
        else:
            same = pinned.path == source.path
        if not same:
            raise ConfigError(f"{LOCK}: the source {source.name} was changed in params.yaml since; {_REFRESH}.")
    if known:
        raise ConfigError(f"{LOCK}: the source {min(known)} is no longer in params.yaml; {_REFRESH}.")


def verify_file(root: Path, base: str, pinned: LockedFile) -> Path:
    """The path of a pinned file, after reading it to make sure that it is what the lock pins.

    Args:
        root: of the checkout.
        base: folder of the source.
        pinned: the file below it.

    Raises:
        DataError: it is missing, or has another size or digest.
    """
    shown = PurePosixPath(base, pinned.path)
    path = root / shown
    try:
        size = path.stat().st_size
    except OSError:
        raise DataError(f"{shown} is pinned in {LOCK} but missing; restore it or {_REFRESH}.") from None
    if size != pinned.size or file_digest(path) != pinned.xxh3:
        raise DataError(f"{shown} is not the file that {LOCK} pins; restore it or {_REFRESH}.")
    return path


def _lock_files(source: Source, root: Path, digests: "_Digests") -> LockedSource:
    given = source.path or ""
    if "://" in given:
        raise ConfigError(f"sources: {source.name}: {given} is an address; download the files and give their path.")
    base, pattern = _base_and_pattern(given, root)
    folder = root / base
    found = (path.relative_to(folder) for path in matching_files(folder, pattern))
    visible = (path.as_posix() for path in found if not any(part.startswith(".") for part in path.parts))
    names = sorted(
        name for name in visible if not any(fnmatch.fnmatchcase(name, left_out) for left_out in source.exclude)
    )
    if not names:
        is_there = (root / given).exists() or any(character in given for character in _WILDCARDS)
        missing = "gives no file" if is_there else "does not exist"
        raise ConfigError(f"sources: {source.name}: {given} {missing}; correct the path or remove the source.")
    reference = (root / REFERENCE).resolve()
    for name in names:
        format_of(f"{base}/{name}", source.format)
        if (folder / name).resolve().is_relative_to(reference):
            raise ConfigError(
                f"sources: {source.name}: {base}/{name} is reference text, which models are compared on and never "
                "trained on; exclude it."
            )
    files = [
        LockedFile(path=name, size=(folder / name).stat().st_size, xxh3=digests.of(folder / name)) for name in names
    ]
    return LockedSource(name=source.name, path=given, base=base, files=files)


def _base_and_pattern(given: str, root: Path) -> tuple[str, str]:
    """The folder that a source's files are named below, and the glob pattern of the files below it.

    A file gives its folder and its name, a folder itself and all below it, a glob pattern the folders before its first
    wildcard and the rest.
    """
    path = PurePosixPath(given)
    if (root / path).is_dir():
        return path.as_posix(), "**/*"
    if (root / path).exists():
        return path.parent.as_posix(), glob.escape(path.name)
    parts = path.parts
    fixed = 0
    while fixed < len(parts) - 1 and not any(character in parts[fixed] for character in _WILDCARDS):
        fixed += 1
    return PurePosixPath(*parts[:fixed]).as_posix(), PurePosixPath(*parts[fixed:]).as_posix()


def _lock_hub(source: Source, previous: LockedHub | None) -> LockedSource:
    asked = source.huggingface
    assert asked is not None
    if previous is not None and previous.model_dump(exclude={"commit", "parts"}) == asked.model_dump():
        return LockedSource(name=source.name, huggingface=previous)
    commit = resolve_revision(asked)
    pinned = LockedHub(**asked.model_dump(), commit=commit, parts=count_parts(asked, commit))
    return LockedSource(name=source.name, huggingface=pinned)


def _require_unique(names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ConfigError(f"sources: two sources are called {name}; rename one.")
        seen.add(name)


class _Digests:
    """Digests of files, kept with size and times. A file that changed within the last two seconds is not remembered."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: dict[str, list[Any]] = {}
        self._changed = False
        if path is not None:
            try:
                known = json.loads(path.read_bytes())
            except (OSError, ValueError):
                known = {}
            self._known = known if isinstance(known, dict) else {}

    def of(self, path: Path) -> str:
        """Digest of a file, read only when its size or times are not those of the stored digest."""
        status = path.stat()
        key = os.fspath(path.resolve())
        facts = [status.st_size, status.st_mtime_ns, status.st_ctime_ns]
        stored = self._known.get(key)
        if isinstance(stored, list) and stored[:3] == facts and isinstance(stored[3], str):
            return stored[3]
        digest = file_digest(path)
        if time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) > _SETTLED_NS:
            self._known[key] = [*facts, digest]
            self._changed = True
        return digest

    def save(self) -> None:
        """Write what was learnt."""
        if self._path is not None and self._changed:
            write_json(self._path, self._known)
