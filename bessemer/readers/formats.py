"""Which reader reads which file."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from bessemer.config.sources import Columns, Format
from bessemer.errors import ConfigError
from bessemer.readers.html import read_html
from bessemer.readers.jsonl import read_jsonl
from bessemer.readers.parquet import read_parquet
from bessemer.readers.records import Item, Limits
from bessemer.readers.text import read_text
from bessemer.readers.warc import read_warc

_COMPRESSIONS = (".gz", ".zst")
_BY_SUFFIX: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".txt": "text",
    ".text": "text",
    ".warc": "warc",
    ".wet": "wet",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
}


def format_of(name: str, stated: Format = "auto") -> Format:
    """The format of a file: the stated one, else told from its name (``.gz`` and ``.zst`` are looked through).

    Args:
        name: file name or path.
        stated: ``format`` of the source.

    Raises:
        ConfigError: the extension is not known.
    """
    if stated != "auto":
        return stated
    path = PurePosixPath(name.lower())
    if path.suffix in _COMPRESSIONS:
        path = path.with_suffix("")
    found = _BY_SUFFIX.get(path.suffix)
    if found is None:
        raise ConfigError(
            f"{name} has an extension that no reader knows; give the source a format, "
            f"exclude the file, or rename it to one of {', '.join(sorted(_BY_SUFFIX))}."
        )
    return found


def read_file(path: Path, locator: str, kind: Format, columns: Columns, limits: Limits) -> Iterator[Item]:
    """All records of a file, each exactly once, in the order of the file.

    Args:
        path: the file.
        locator: its place in the source.
        kind: as :func:`format_of` says.
        columns: field names, for formats that have fields.
        limits: bounds on memory and expansion.

    Raises:
        DataError: the file as a whole is not what the source says it is.
    """
    match kind:
        case "jsonl":
            return read_jsonl(path, locator, columns, limits)
        case "parquet":
            return read_parquet(path, locator, columns, limits)
        case "text":
            return read_text(path, locator, limits)
        case "warc" | "wet":
            return read_warc(path, locator, limits)
        case "html":
            return read_html(path, locator, limits)
        case "auto":
            return read_file(path, locator, format_of(locator), columns, limits)
