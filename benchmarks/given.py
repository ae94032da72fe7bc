"""Documents that are given instead of the sample's."""

import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from bessemer.errors import DataError

LEAST_CHARACTERS = 100_000


def given_texts(path: Path) -> list[str]:
    """The texts of a file of JSON lines, compressed if its name ends with .gz.

    Half a surrogate pair, which UTF-8 has no bytes for, becomes a question mark.

    Raises:
        DataError: a line is no JSON object with a text, or there is next to no text.
    """
    texts = []
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                texts.append(json.loads(line)["text"].encode("utf-8", "replace").decode())
            except (ValueError, TypeError, KeyError, AttributeError):
                raise DataError(f"{path}: line {number} is no JSON object with a text in `text`.") from None
    if sum(map(len, texts)) < LEAST_CHARACTERS:
        raise DataError(f"{path} has fewer than {LEAST_CHARACTERS:,} characters, too few to measure; give more.")
    return texts


def up_to(texts: Sequence[str], size: int) -> Iterator[str]:
    """Texts from the first on, until they have this many characters."""
    for text in texts:
        if size <= 0:
            return
        size -= len(text)
        yield text
