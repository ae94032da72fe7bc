"""Data sets of the Hugging Face Hub, by repository and pinned commit, read as a stream."""

from collections.abc import Iterator
from typing import Any

from bessemer.config.sources import Columns, HuggingFace
from bessemer.errors import DataError
from bessemer.readers.fields import list_names, record_from_fields
from bessemer.readers.records import EXCERPT_BYTES, Item, Limits, Reason, Record, Unreadable

_FIRST_LINE = 300


def resolve_revision(source: HuggingFace) -> str:
    """The commit (40 hex digits) that the source's revision means now; a commit is taken as it is.

    Raises:
        DataError: the Hub cannot be reached, or knows no such data set or revision.
    """
    if len(source.revision) == 40 and all(digit in "0123456789abcdef" for digit in source.revision):
        return source.revision
    from huggingface_hub import HfApi

    try:
        commit = HfApi().dataset_info(source.repository, revision=source.revision).sha
    except Exception as error:
        raise DataError(
            f"the revision {source.revision} of the Hub data set {source.repository} cannot be resolved "
            f"({_first_line(error)}); check the name and the network, or give a commit."
        ) from None
    if not commit:
        raise DataError(f"the Hub names no commit for {source.repository} at {source.revision}; give a commit.")
    return commit


def count_parts(source: HuggingFace, commit: str) -> int:
    """In how many parts (files, as a rule) the split can be read independently.

    Raises:
        DataError: as :func:`read_hub`.
    """
    return max(1, int(_open(source, commit).num_shards))


def read_hub(
    source: HuggingFace, commit: str, part: int, parts: int, *, columns: Columns, limits: Limits
) -> Iterator[Item]:
    """Records of one part of a data set.

    Args:
        source: repository, configuration and split.
        commit: what ``source.revision`` was pinned as.
        part: from 0.
        parts: number of parts of the split, as pinned.
        columns: names of the columns. A record's locator is ``<part>-of-<parts>:<row from 1>``.
        limits: bound a row's text.

    Raises:
        DataError: the data set cannot be read, has another number of parts than it was pinned with, or has no column
            with the text.
    """
    dataset = _open(source, commit)
    if max(1, int(dataset.num_shards)) != parts:
        raise DataError(
            f"{source.repository} has {dataset.num_shards} parts, the lock says {parts}; run `bessemer sources lock`."
        )
    names = dataset.column_names
    if names is not None and columns.text not in names:
        raise DataError(
            f"{source.repository} has no column {columns.text}; its columns are {list_names(names)}; "
            "name the one with the text in columns.text of the source."
        )
    rows = iter(dataset.shard(num_shards=parts, index=part))
    row = 0
    while True:
        try:
            fields: dict[str, Any] = next(rows)
        except StopIteration:
            return
        except Exception as error:
            raise DataError(
                f"{source.repository}, part {part}: reading ended after row {row} ({_first_line(error)}); run it again."
            ) from None
        row += 1
        yield _bounded(fields, f"{part:05d}-of-{parts:05d}:{row}", columns, limits)


def _bounded(fields: dict[str, Any], locator: str, columns: Columns, limits: Limits) -> Item:
    text = fields.get(columns.text)
    raw = text.encode("utf-8", "replace") if isinstance(text, str) else b""
    if len(raw) > limits.record_bytes:
        detail = f"a text of {len(raw):,} bytes, over ingest.max_record_bytes ({limits.record_bytes:,})"
        return Unreadable(locator, Reason.TOO_LARGE, detail, len(raw), raw[:EXCERPT_BYTES])
    item = record_from_fields(fields, locator, columns, len(raw), raw[:EXCERPT_BYTES])
    if isinstance(item, Record) and item.text is not None and not item.text.isascii():
        try:
            item.text.encode()
        except UnicodeEncodeError:
            return Unreadable(locator, Reason.ENCODING, "lone surrogates", len(raw), raw[:EXCERPT_BYTES])
    return item


def _open(source: HuggingFace, commit: str) -> Any:
    from datasets import load_dataset

    try:
        return load_dataset(source.repository, name=source.config, split=source.split, revision=commit, streaming=True)
    except Exception as error:
        raise DataError(
            f"the Hub data set {source.repository} at {commit[:12]}, split {source.split}, cannot be opened "
            f"({_first_line(error)}); check the name, the split and the network."
        ) from None


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0][:_FIRST_LINE] if lines else type(error).__name__
