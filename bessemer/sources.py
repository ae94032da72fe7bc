"""The sources of raw text and their lock: every input file pinned by size and digest, every Hub data set by commit.

``ingest`` reads what the lock pins and nothing else, so its result is a function of ``sources.lock.yaml``. A file that
differs from its pin ends the stage instead of quietly changing the corpus.
"""

import fnmatch
import glob
import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from bessemer.addresses import Remote, digest_of, fetched, is_address, list_files
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
    """A pinned file: path below its source's base, size in bytes, and xxh3-128 in hex or its store's version."""

    path: str
    size: int
    xxh3: str | None = None
    version: str | None = None

    @model_validator(mode="after")
    def _one_pin(self) -> Self:
        if (self.xxh3 is None) == (self.version is None):
            raise ValueError(f"{self.path} needs either xxh3 or version")
        return self

    @property
    def content(self) -> str:
        """What stands for the file's content: its digest, or its version."""
        return self.xxh3 or self.version or ""


class LockedHub(Strict):
    """A pinned Hub data set: what was asked for, the commit that it meant, and the number of independent parts."""

    repository: str
    revision: str
    config: str | None = None
    split: str
    commit: str
    parts: int


class LockedSource(Strict):
    """The files of one source below ``base``, the folder of its ``path`` in params.yaml; or its Hub data set.

    ``exclude`` is kept for addresses only, whose files are not listed again before a refresh.
    """

    name: str
    path: str | None = None
    base: str = "."
    exclude: list[str] | None = None
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
        previous: the lock before. A Hub revision that is a branch or a tag keeps the commit it has there, an address
            its files.

    Raises:
        ConfigError: a source does not exist, holds no file, has a file of unknown format, or reference text.
        DataError: a Hub data set or an address cannot be reached.
    """
    _require_unique(source.name for source in sources)
    digests = _Digests(None if digest_cache is None else digest_cache / "source-digests.json")
    pinned = {source.name: source for source in previous.sources} if previous is not None else {}
    locked = [
        _lock_source(source, root, digests, pinned.get(source.name))
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


@contextmanager
def open_pinned(root: Path, source: Source, base: str, pinned: LockedFile, folder: Path) -> Iterator[Path]:
    """A pinned file, made sure to be what the lock pins, as a local one; one at an address until it has been read.

    Args:
        root: of the checkout.
        source: the file's.
        base: folder or address of the source.
        pinned: the file below it.
        folder: takes what is fetched.

    Raises:
        DataError: it is missing, or another one than was pinned.
        TryAgain: it cannot be fetched now.
    """
    if not is_address(base):
        yield verify_file(root, base, pinned)
        return
    remote = Remote(pinned.path, pinned.size, pinned.version)
    with fetched(base, remote, source.storage, folder) as path:
        if pinned.xxh3 is not None and file_digest(path) != pinned.xxh3:
            raise DataError(f"{base}/{pinned.path} is not the file that {LOCK} pins; {_REFRESH} --refresh.")
        yield path


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


def _lock_source(source: Source, root: Path, digests: "_Digests", previous: LockedSource | None) -> LockedSource:
    if source.huggingface is not None:
        return _lock_hub(source, previous.huggingface if previous is not None else None)
    if is_address(source.path or ""):
        return _lock_address(source, previous)
    return _lock_files(source, root, digests)


def _lock_address(source: Source, previous: LockedSource | None) -> LockedSource:
    given = source.path or ""
    if previous is not None and (previous.path, previous.exclude) == (given, source.exclude):
        return previous
    base, found = list_files(given, source.storage)
    chosen = set(_chosen((file.path for file in found), source))
    files = [file for file in found if file.path in chosen]
    if not files:
        raise ConfigError(f"sources: {source.name}: {given} gives no file; correct the address or remove the source.")
    for file in files:
        format_of(f"{base}/{file.path}", source.format)
    locked = [
        LockedFile(path=file.path, size=file.size, version=file.version)
        if file.version is not None
        else LockedFile(path=file.path, size=file.size, xxh3=digest_of(base, file, source.storage))
        for file in files
    ]
    return LockedSource(name=source.name, path=given, base=base, exclude=source.exclude, files=locked)


def _chosen(paths: Iterable[str], source: Source) -> list[str]:
    """Visible files that the source does not exclude, sorted."""
    visible = (path for path in paths if not any(part.startswith(".") for part in PurePosixPath(path).parts))
    return sorted(
        path for path in visible if not any(fnmatch.fnmatchcase(path, left_out) for left_out in source.exclude)
    )


def _lock_files(source: Source, root: Path, digests: "_Digests") -> LockedSource:
    given = source.path or ""
    base, pattern = _base_and_pattern(given, root)
    folder = root / base
    names = _chosen((path.relative_to(folder).as_posix() for path in matching_files(folder, pattern)), source)
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
