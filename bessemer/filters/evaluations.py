"""Reading the texts that models are judged by."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from bessemer.config.decontaminate import EvaluationSet
from bessemer.errors import ConfigError, DataError
from bessemer.filters.contamination import Item
from bessemer.jsonlines import open_text, read_objects


def read_items(root: Path, sets: Sequence[EvaluationSet]) -> list[Item]:
    """All items of all sets, in the order of the sets and of their records.

    An item's id is its field ``id`` where it has one, else its number, from 1; its text is its fields, joined by line
    breaks.

    Args:
        root: of the checkout; the paths of the sets are relative to it.

    Raises:
        ConfigError: a file does not exist, or its records have none of the fields.
        DataError: a file cannot be read as what it was said to be.
    """
    items = []
    for evaluation in sets:
        path = root / evaluation.path
        if not path.is_file():
            raise ConfigError(
                f"decontaminate.evaluations: {evaluation.path} (of {evaluation.name}) is no file; correct the path."
            )
        try:
            found = [_item(evaluation, number, record) for number, record in enumerate(_records(path, evaluation), 1)]
        except (ValueError, OSError, EOFError, zstandard.ZstdError, pa.ArrowException) as error:
            first = (str(error) or type(error).__name__).splitlines()[0]
            raise DataError(
                f"{evaluation.path} cannot be read as {evaluation.format} ({first}); mend it or correct its format."
            ) from None
        if not any(item.text.strip() for item in found):
            fields = ", ".join(evaluation.fields)
            raise ConfigError(
                f"decontaminate.evaluations: {evaluation.path} has no text in {fields}; correct its fields."
            )
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


def _records(path: Path, evaluation: EvaluationSet) -> Iterator[dict[str, Any]]:
    if evaluation.format == "parquet":
        yield from pq.read_table(path, partitioning=None).to_pylist()
        return
    if evaluation.format == "text":
        with open_text(path) as file:
            yield dict.fromkeys(evaluation.fields[:1], file.read())
        return
    yield from read_objects(path)
