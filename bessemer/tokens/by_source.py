"""The documents of each source, in the global order: an index beside the tokens, made once and mapped.

It takes 16 bytes a document on disk and next to none in memory. The tokens stay where they are.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bessemer.tokens.directory import DOCUMENTS
from bessemer.tokens.stream import TokenStream

_NAMES = "sources.json"
_BATCH = 65_536


class SourceDocuments:
    """The documents of one source, numbered from 0.

    Attributes:
        name: of the source.
        count: its documents.
        tokens: in all of them.
    """

    def __init__(self, name: str, prefix: Path) -> None:
        """Map ``<prefix>.ends`` and ``<prefix>.places``."""
        self.name = name
        self._ends = mapped(prefix.with_suffix(".ends"))
        self._places = mapped(prefix.with_suffix(".places"))
        self.count = len(self._ends)
        self.tokens = int(self._ends[-1])

    def find(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """The document that holds each of the source's tokens, shape as ``positions``, int64."""
        return np.searchsorted(self._ends, positions, side="right").astype(np.int64)

    def begins(self, documents: NDArray[np.int64]) -> NDArray[np.int64]:
        """Position among the source's tokens at which documents begin, shape as ``documents``, int64."""
        return np.where(documents > 0, self._ends[np.maximum(documents, 1) - 1], 0)

    def places(self, documents: NDArray[np.int64]) -> NDArray[np.int64]:
        """Position in the whole stream at which documents begin, shape as ``documents``, int64."""
        return self._places[documents]

    def part(self, first: int, last: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Positions in the whole stream and lengths of the documents ``first`` to ``last - 1``."""
        before = int(self._ends[first - 1]) if first else 0
        return np.array(self._places[first:last]), np.diff(self._ends[first:last], prepend=before)


def open_sources(stream: TokenStream, folder: Path) -> dict[str, SourceDocuments]:
    """The documents of every source that has any, by name; the index is made if it is not in ``folder``.

    Several processes may call it at once: each makes the same bytes, and the first to finish is read by all.

    Args:
        stream: all tokens.
        folder: where indexes are kept, each under the fingerprint of its tokens.
    """
    home = folder / f"sources-{stream.fingerprint}"
    if not home.exists():
        partial = folder / f".sources-{stream.fingerprint}.{os.getpid()}"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        _write(stream, partial)
        install(partial, home)
    names: list[str] = json.loads((home / _NAMES).read_text(encoding="utf-8"))
    return {name: SourceDocuments(name, home / f"{number:05d}") for number, name in enumerate(names)}


def install(partial: Path, home: Path) -> None:
    """Give a finished folder its name once it is on disk, unless another process was first."""
    for path in [*partial.iterdir(), partial]:
        handle = os.open(path, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)
    try:
        partial.rename(home)
    except OSError:
        if not home.exists():
            raise
        shutil.rmtree(partial)


def count_sources(directory: Path) -> dict[str, int]:
    """Tokens of each source of a token directory, by name in ascending order."""
    found: dict[str, int] = {}
    for names, codes, lengths in _batches(directory):
        sums = np.bincount(codes, lengths, len(names)).astype(np.int64).tolist()
        for name, tokens in zip(names, sums, strict=True):
            found[name] = found.get(name, 0) + tokens
    return dict(sorted(found.items()))


def _write(stream: TokenStream, folder: Path) -> None:
    """One pass over ``documents.parquet``; a number in the order of their names for each source."""
    numbers = {name: number for number, name in enumerate(count_sources(stream.directory))}
    done, row = dict.fromkeys(numbers, 0), 0
    for names, codes, lengths in _batches(stream.directory):
        places = stream.starts(row, row + len(codes))
        row += len(codes)
        for code, name in enumerate(names):
            chosen = codes == code
            ends = done[name] + np.cumsum(lengths[chosen])
            done[name] = int(ends[-1])
            prefix = folder / f"{numbers[name]:05d}"
            append(prefix.with_suffix(".ends"), ends)
            append(prefix.with_suffix(".places"), places[chosen])
    (folder / _NAMES).write_text(json.dumps(list(numbers)), encoding="utf-8")


def _batches(directory: Path) -> Iterator[tuple[list[str], NDArray[np.int64], NDArray[np.int64]]]:
    """Parts of ``documents.parquet``: the sources that occur, which of them each row has, and its tokens."""
    for batch in pq.ParquetFile(directory / DOCUMENTS).iter_batches(_BATCH, columns=["source", "tokens"]):
        coded = cast("pa.DictionaryArray[Any]", batch.column("source").dictionary_encode())
        codes = coded.indices.to_numpy().astype(np.int64)
        yield coded.dictionary.to_pylist(), codes, batch.column("tokens").to_numpy()


def append(path: Path, values: NDArray[np.int64]) -> None:
    """Add integers to a file that :func:`mapped` opens."""
    with path.open("ab") as file:
        file.write(values.astype("<i8").tobytes())


def mapped(path: Path) -> NDArray[np.int64]:
    """A file of integers, mapped and not read."""
    return np.memmap(path, dtype="<i8", mode="r").view(np.ndarray)
