"""The texts that a model is scored on: fixed reference files, and the corpus's own validation documents."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import zstandard

from bessemer.errors import ConfigError, DataError
from bessemer.jsonlines import read_objects


@dataclass(frozen=True)
class Document:
    """A text to score. ``groups`` are labels by kind (source, language) under which it is summed."""

    id: str
    text: str
    groups: tuple[tuple[str, str], ...] = ()

    @property
    def bytes(self) -> int:
        """Length in UTF-8 bytes."""
        return len(self.text.encode())

    def group(self, kind: str) -> str | None:
        """Its label of one kind."""
        return dict(self.groups).get(kind)


def read_reference(path: Path, *, field: str = "text", group_field: str | None = None) -> list[Document]:
    """Documents of a JSON lines file (.gz and .zst are unpacked), in its order.

    Args:
        path: of the file.
        field: with the text.
        group_field: whose value the documents are also summed by.

    Raises:
        ConfigError: there is no such file, or a record has no text in ``field`` or nothing in ``group_field``.
        DataError: it is not JSON lines in UTF-8.
    """
    if not path.is_file():
        raise ConfigError(f"evaluate.references: {path} is no file; correct the path.")
    documents = []
    try:
        for number, record in enumerate(read_objects(path), 1):
            text, group = record.get(field), record.get(group_field) if group_field else None
            if not isinstance(text, str) or not text:
                raise ConfigError(f"evaluate.references: record {number} of {path} has no text in {field!r}.")
            if group_field and group is None:
                raise ConfigError(f"evaluate.references: record {number} of {path} has nothing in {group_field!r}.")
            groups = ((group_field, str(group)),) if group_field else ()
            documents.append(Document(str(record.get("id", number)), text, groups))
    except (ValueError, OSError, EOFError, zstandard.ZstdError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise DataError(f"{path} cannot be read as JSON lines ({reason}); mend it.") from None
    if not documents:
        raise ConfigError(f"evaluate.references: {path} has no records.")
    return documents


def read_validation(documents: Path, *, most_tokens: int | None = None) -> list[Document]:
    """Validation documents with source and language, in the order of the token shards (a keyed shuffle).

    Args:
        documents: ``documents.parquet`` of the validation tokens, with ``text``.
        most_tokens: the first documents that have at most this many tokens together, at least one; None: all.

    Raises:
        DataError: the file is missing or has no texts.
    """
    try:
        table = pq.read_table(documents, columns=["id", "text", "source", "language", "tokens"])
    except (OSError, ValueError) as error:
        raise DataError(f"{documents} is missing or has no texts ({error}); run the stage shard.") from None
    found: list[Document] = []
    tokens = 0
    for row in table.to_pylist():
        tokens += row["tokens"]
        if most_tokens is not None and found and tokens > most_tokens:
            break
        if row["text"]:
            groups = (("source", row["source"]), ("language", row["language"] or "unknown"))
            found.append(Document(row["id"], row["text"], groups))
    return found
