"""All tokens of a directory as one long sequence, mapped and never loaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bessemer.errors import DataError
from bessemer.shards import directory_digest
from bessemer.tokens.directory import read_token_manifest
from bessemer.tokens.indexed import IndexedFile
from bessemer.tokens.spans import Samples, Spans, copy_spans


class TokenStream:
    """All tokens of a directory as one long sequence, mapped and never loaded.

    Attributes:
        total_tokens: length of the stream.
        documents: number of documents, which is the number of rows of ``documents.parquet``.
        vocab_size, eos_id: as the manifest states them.
        fingerprint: digest of the manifest, and so of every file: 32 hex digits.
    """

    def __init__(self, directory: Path) -> None:
        """Open ``directory``.

        Raises:
            DataError: the manifest, a shard or its index is missing, damaged, or of another size than stated.
        """
        manifest = read_token_manifest(directory)
        self.directory = directory
        self.vocab_size = manifest.vocab_size
        self.eos_id = manifest.eos_id
        self.fingerprint = directory_digest(directory)
        self._files = [IndexedFile(directory / shard.name) for shard in manifest.shards]
        for file, shard in zip(self._files, manifest.shards, strict=True):
            if (file.tokens, file.sequences, file.dtype.name) != (shard.tokens, shard.sequences, manifest.dtype):
                raise DataError(f"{file.prefix}.idx differs from the manifest; run the stage `shard` again.")
        self._token_ends = np.cumsum([file.tokens for file in self._files], dtype=np.int64)
        self._row_ends = np.cumsum([file.sequences for file in self._files], dtype=np.int64)
        self.total_tokens = int(self._token_ends[-1]) if self._files else 0
        self.documents = int(self._row_ends[-1]) if self._files else 0
        self._parts = [self._part(number) for number in range(len(self._files))]

    def slice(self, start: int, length: int) -> NDArray[np.int64]:
        """Tokens ``start`` to ``start + length - 1`` of the stream, shape (length,), int64, a copy.

        Raises:
            IndexError: the range is not inside the stream.
        """
        if start < 0 or start + length > self.total_tokens:
            raise IndexError(f"tokens {start} to {start + length} are outside the stream of {self.total_tokens}")
        out = np.empty(length, dtype=np.int64)
        number = int(np.searchsorted(self._token_ends, start, side="right"))
        done = 0
        while done < length:
            local = start + done - self._first_token(number)
            part = self._files[number].slice(local, local + length - done)
            out[done : done + len(part)] = part
            done += len(part)
            number += 1
        return out

    def fill(self, samples: Samples, spans: Spans) -> None:
        """Copy spans of the stream into samples."""
        files = np.searchsorted(self._token_ends, spans["start"], side="right")
        for number in set(files.tolist()):
            if number < len(self._files):  # a span without tokens may stand at the end of the stream
                tokens, first, before = self._parts[number]
                copy_spans(
                    tokens, first, before, spans, files, number, samples.inputs, samples.targets, samples.documents
                )

    def rows(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """The document (row of ``documents.parquet``) that holds each position of the stream.

        Args:
            positions: shape (k,), each in ``[0, total_tokens)``.

        Returns:
            Shape (k,), int64.
        """
        numbers = np.searchsorted(self._token_ends, positions, side="right")
        out = np.empty(len(positions), dtype=np.int64)
        for number in np.unique(numbers).tolist():
            chosen = numbers == number
            local = positions[chosen] - self._first_token(number)
            out[chosen] = self._files[number].find(local) + self._first_row(number)
        return out

    def starts_of(self, documents: NDArray[np.int64]) -> NDArray[np.int64]:
        """Positions in the stream at which some documents start, shape as ``documents``, int64."""
        numbers = np.searchsorted(self._row_ends, documents, side="right")
        out = np.empty(len(documents), dtype=np.int64)
        for number in np.unique(numbers).tolist():
            chosen = numbers == number
            local = documents[chosen] - self._first_row(number)
            out[chosen] = self._files[number].starts_of(local) + self._first_token(number)
        return out

    def starts(self, first: int, last: int) -> NDArray[np.int64]:
        """Positions in the stream at which the documents ``first`` to ``last - 1`` start, int64."""
        parts, number = [], int(np.searchsorted(self._row_ends, first, side="right"))
        while first < last:
            stop = min(last, int(self._row_ends[number]))
            offset = self._first_row(number)
            parts.append(self._files[number].starts(first - offset, stop - offset) + self._first_token(number))
            first, number = stop, number + 1
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)

    def _part(self, number: int) -> tuple[NDArray[np.generic], int, int]:
        """Tokens of a file, the position of the first of them, and the token before it."""
        file, first = self._files[number], self._first_token(number)
        return file.slice(0, file.tokens), first, int(self.slice(first - 1, 1)[0]) if first else self.eos_id

    def _first_token(self, number: int) -> int:
        return int(self._token_ends[number - 1]) if number else 0

    def _first_row(self, number: int) -> int:
        return int(self._row_ends[number - 1]) if number else 0
