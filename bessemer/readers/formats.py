"""Which reader reads which file."""

import functools
from collections.abc import Iterator
from pathlib import PurePosixPath

from bessemer.config.sources import Columns, Format
from bessemer.errors import ConfigError
from bessemer.readers.arrow import read_arrow
from bessemer.readers.damage import Damaged
from bessemer.readers.html import read_html
from bessemer.readers.json_array import read_json
from bessemer.readers.jsonl import read_jsonl
from bessemer.readers.mediawiki import read_mediawiki
from bessemer.readers.members import Member, Readable
from bessemer.readers.parquet import read_parquet
from bessemer.readers.records import Item, Limits, Reason, Skip, Skipped, Unreadable
from bessemer.readers.tar import read_tar
from bessemer.readers.text import read_text
from bessemer.readers.warc import read_warc
from bessemer.readers.zipped import read_zip

_COMPRESSIONS = (".gz", ".zst", ".bz2", ".xz")
_BY_SUFFIX: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".txt": "text",
    ".text": "text",
    ".md": "text",
    ".markdown": "text",
    ".warc": "warc",
    ".wet": "wet",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".xml": "mediawiki",
    ".zip": "zip",
    ".tar": "tar",
    ".tgz": "tar",
    ".tbz": "tar",
    ".tbz2": "tar",
    ".txz": "tar",
    ".tzst": "tar",
}
_WITH_COLUMNS = {"jsonl": read_jsonl, "json": read_json, "parquet": read_parquet, "arrow": read_arrow}
_WITHOUT = {"text": read_text, "warc": read_warc, "wet": read_warc, "html": read_html, "mediawiki": read_mediawiki}


def format_of(name: str, stated: Format = "auto") -> Format:
    """The format of a file: the stated one, else told from its name (the suffix of a compression is looked through).

    Args:
        name: file name or path.
        stated: ``format`` of the source.

    Raises:
        ConfigError: the extension is not known.
    """
    if stated != "auto":
        return stated
    found = _told_from(name)
    if found is None:
        raise ConfigError(
            f"{name} has an extension that no reader knows; give the source a format, "
            f"exclude the file, or rename it to one of {', '.join(sorted(_BY_SUFFIX))}."
        )
    return found


def read_file(path: Readable, locator: str, kind: Format, columns: Columns, limits: Limits) -> Iterator[Item]:
    """All records of a file, each exactly once, in the order of the file.

    Args:
        path: the file, or a member of an archive that is no archive itself.
        locator: its place in the source.
        kind: as :func:`format_of` says.
        columns: field names, for formats that have fields.
        limits: bounds on memory and expansion.

    Raises:
        DataError: the file as a whole is not what the source says it is.
    """
    if kind == "auto":
        kind = format_of(locator)
    if kind in _WITH_COLUMNS:
        return _WITH_COLUMNS[kind](path, locator, columns, limits)
    if kind in _WITHOUT:
        return _WITHOUT[kind](path, locator, limits)
    assert not isinstance(path, Member)
    read = read_zip if kind == "zip" else read_tar
    return read(path, locator, limits, functools.partial(_read_member, columns=columns, limits=limits))


def _read_member(member: Member, locator: str, columns: Columns, limits: Limits) -> Iterator[Item]:
    """Records of a file in an archive, by its own suffix. What no reader knows, and hidden files, are stated skips."""
    parts = PurePosixPath(member.name).parts
    kind = _told_from(member.name)
    if kind is None or any(part.startswith(".") and part not in (".", "..") for part in parts):
        yield _passed_over(member, locator)
    elif kind in ("zip", "tar"):
        detail = "an archive inside an archive, which is not opened; unpack the outer one"
        yield Unreadable(locator, Reason.UNSUPPORTED, detail)
    else:
        yield from read_file(member, locator, kind, columns, limits)


def _passed_over(member: Member, locator: str) -> Item:
    """A skip, unless the archive is damaged there, so that the name may not be the member's."""
    try:
        member.file.read(1)
    except Damaged as damage:
        return Unreadable(locator, damage.reason, damage.detail, ends_file=True)
    return Skipped(Skip.ARCHIVE_OTHER)


def _told_from(name: str) -> Format | None:
    path = PurePosixPath(name.lower())
    if path.suffix in _COMPRESSIONS:
        path = path.with_suffix("")
    return _BY_SUFFIX.get(path.suffix)
