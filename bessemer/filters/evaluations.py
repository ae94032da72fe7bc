"""Reading the texts that models are judged by."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from bessemer.config.decontaminate import EvaluationSet, HubSet
from bessemer.errors import ConfigError, DataError
from bessemer.filters.contamination import Item
from bessemer.jsonlines import open_text, read_objects
from bessemer.shards import file_digest


def read_items(root: Path, sets: Sequence[EvaluationSet]) -> list[Item]:
    """All items of all sets, in the order of the sets and of their records.

    An item's id is its field ``id`` where it has one, else its number, from 1; its text is its fields, joined by line
    breaks.

    Args:
        root: of the checkout; the paths of the sets are relative to it. Sets of the Hub are read at their commit.

    Raises:
        ConfigError: a file does not exist, or its records have none of the fields.
        DataError: a file cannot be read as what it was said to be.
    """
    items = []
    for evaluation in sets:
        place = evaluation.path or _hub(evaluation).repository
        if evaluation.path is not None and not (root / evaluation.path).is_file():
            raise ConfigError(
                f"decontaminate.evaluations: {evaluation.path} (of {evaluation.name}) is no file; correct the path."
            )
        try:
            found = [_item(evaluation, number, record) for number, record in enumerate(_records(root, evaluation), 1)]
        except (ValueError, OSError, EOFError, zstandard.ZstdError, pa.ArrowException) as error:
            first = (str(error) or type(error).__name__).splitlines()[0]
            raise DataError(
                f"{place} cannot be read as {evaluation.format} ({first}); mend it or correct its format."
            ) from None
        if not any(item.text.strip() for item in found):
            fields = ", ".join(evaluation.fields)
            raise ConfigError(f"decontaminate.evaluations: {place} has no text in {fields}; correct its fields.")
        items.extend(found)
    return items


def _item(evaluation: EvaluationSet, number: int, record: dict[str, Any]) -> Item:
    values = (record.get(field) for field in evaluation.fields)
    text = "\n".join(part for value in values for part in _texts(value))
    name = record.get("id")
    return Item(evaluation.name, str(number if name is None else name), text)


def _texts(value: Any) -> Iterator[str]:
    """The strings in a value: itself, or those of a list (choices of a question) or of a mapping."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts(part)
    elif isinstance(value, dict):
        for key in sorted(value):
            yield from _texts(value[key])


def evaluation_digest(root: Path, evaluation: EvaluationSet) -> str:
    """What identifies the content of a set: the digest of its file or files, or its pinned place on the Hub."""
    if evaluation.path is not None:
        return file_digest(root / evaluation.path)
    hub = _hub(evaluation)
    folder = root / hub.repository
    if folder.is_dir():
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return " ".join(f"{path.relative_to(folder)}:{file_digest(path)}" for path in files) + f" {hub.split}"
    return f"{hub.repository}@{hub.revision}:{hub.config or ''}:{hub.split}"


def _hub(evaluation: EvaluationSet) -> HubSet:
    assert evaluation.huggingface is not None  # the section says so
    return evaluation.huggingface


def _hub_records(root: Path, hub: HubSet) -> Iterator[dict[str, Any]]:
    from datasets import load_dataset

    folder = root / hub.repository
    name = str(folder) if folder.is_dir() else hub.repository
    try:
        yield from load_dataset(name, name=hub.config, split=hub.split, revision=hub.revision)
    except Exception as error:
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise DataError(
            f"the data set {hub.repository} at {hub.revision[:12]}, split {hub.split}, cannot be read ({first}); "
            "check the name, the split and the network."
        ) from None


def _records(root: Path, evaluation: EvaluationSet) -> Iterator[dict[str, Any]]:
    if evaluation.path is None:
        yield from _hub_records(root, _hub(evaluation))
        return
    path = root / evaluation.path
    if evaluation.format == "parquet":
        yield from pq.read_table(path, partitioning=None).to_pylist()
        return
    if evaluation.format == "text":
        with open_text(path) as file:
            yield dict.fromkeys(evaluation.fields[:1], file.read())
        return
    yield from read_objects(path)
