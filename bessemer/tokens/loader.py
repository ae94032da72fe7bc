"""What training reads: fixed windows over all tokens, in a keyed order in which any sample can be computed alone.

Sample *k* depends on the tokens, the window length and the seed; not on batch size, processes, or what was read
before. So resuming at step *n* is arithmetic, and two clusters of different sizes see the same order.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bessemer.errors import ConfigError, DataError
from bessemer.shards import directory_digest
from bessemer.tokens.directory import read_token_manifest
from bessemer.tokens.indexed import IndexedFile
from bessemer.tokens.permutation import KeyedPermutation

IGNORED = -100
"""The target that losses leave out, by the convention of PyTorch's ``cross_entropy``."""

_BLOCK = 1024
_KEPT_BLOCKS = 8
_Places = list[tuple[int, int, int]]
"""Per sample: position in the stream, first and last row of ``documents.parquet``."""


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

    def slice(self, start: int, length: int) -> NDArray[np.int64]:
        """Tokens ``start`` to ``start + length - 1`` of the stream, shape (length,), int64, a copy.

        Raises:
            IndexError: the range is not inside the stream.
        """
        out = np.empty(length, dtype=np.int64)
        self.copy_into(out, start)
        return out

    def copy_into(self, out: NDArray[np.int64], start: int) -> None:
        """Fill ``out``, shape (n,), with the tokens from ``start`` on: :meth:`slice` without an allocation."""
        length = len(out)
        if start < 0 or start + length > self.total_tokens:
            raise IndexError(f"tokens {start} to {start + length} are outside the stream of {self.total_tokens}")
        number = int(np.searchsorted(self._token_ends, start, side="right"))
        done = 0
        while done < length:
            file = self._files[number]
            local = start + done - self._first_token(number)
            part = file.slice(local, local + length - done)
            out[done : done + len(part)] = part
            done += len(part)
            number += 1

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

    def starts(self, first: int, last: int) -> NDArray[np.int64]:
        """Positions in the stream at which the documents ``first`` to ``last - 1`` start, int64."""
        parts, number = [], int(np.searchsorted(self._row_ends, first, side="right"))
        while first < last:
            stop = min(last, int(self._row_ends[number]))
            offset = self._first_row(number)
            parts.append(self._files[number].starts(first - offset, stop - offset) + self._first_token(number))
            first, number = stop, number + 1
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)

    def _first_token(self, number: int) -> int:
        return int(self._token_ends[number - 1]) if number else 0

    def _first_row(self, number: int) -> int:
        return int(self._row_ends[number - 1]) if number else 0


@dataclass(frozen=True)
class Window:
    """One sample: ``tokens`` int64 and ``document_ids`` int32, both of shape (sequence_length + 1,).

    ``document_ids`` count the documents inside the window from 0; ``first_row`` is the row of ``documents.parquet``
    which number 0 stands for.
    """

    tokens: NDArray[np.int64]
    document_ids: NDArray[np.int32]
    first_row: int


@dataclass(frozen=True)
class Batch:
    """Samples ready for a model, B windows of T positions.

    Attributes:
        inputs: (B, T), int64.
        targets: (B, T), int64: the token after each input, or :data:`IGNORED` where that token begins another document.
        document_ids: (B, T), int32, counted from 0 inside each window: what attention must not cross.
        first_rows: (B,), int64: row of ``documents.parquet`` of document 0 of each window.
    """

    inputs: NDArray[np.int64]
    targets: NDArray[np.int64]
    document_ids: NDArray[np.int32]
    first_rows: NDArray[np.int64]

    @property
    def predicted(self) -> int:
        """Number of targets that count in the loss."""
        return int(np.count_nonzero(self.targets != IGNORED))


class Windows:
    """Samples of ``sequence_length`` predicted positions, by global number.

    Window *w* is the tokens ``w * T`` to ``w * T + T`` inclusive: neighbours share one token, so every token but the
    first is a target in exactly one window of an epoch. Epoch ``e = index // count`` walks the windows in the order of
    a permutation with the key (seed, e). A remainder of less than a window at the end of the stream is not read.
    """

    def __init__(self, stream: TokenStream, sequence_length: int, seed: int) -> None:
        """Lay windows over a stream.

        Raises:
            ConfigError: the stream is shorter than one window.
        """
        self.stream = stream
        self.sequence_length = sequence_length
        self.seed = seed
        self.count = (stream.total_tokens - 1) // sequence_length
        if self.count < 1:
            raise ConfigError(
                f"{stream.directory} has {stream.total_tokens} tokens, fewer than one window of {sequence_length} + 1; "
                "lower the sequence length or add text."
            )
        self._places: dict[int, _Places] = {}

    def positions(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """The stream position at which each sample starts, shape as ``indices``, int64."""
        epochs, offsets = np.divmod(indices, self.count)
        windows = np.empty_like(offsets)
        for epoch in np.unique(epochs).tolist():
            chosen = epochs == epoch
            permutation = KeyedPermutation(self.count, "bessemer.windows", self.seed, epoch)
            windows[chosen] = permutation(offsets[chosen])
        return windows * self.sequence_length

    def sample(self, index: int) -> Window:
        """The sample with global number ``index`` (0, 1, 2, …, through all epochs)."""
        tokens, document_ids, rows = self._read(np.array([index], dtype=np.int64))
        return Window(tokens[0], document_ids[0], int(rows[0]))

    def batch(self, indices: NDArray[np.integer] | list[int]) -> Batch:
        """The samples with the given global numbers, in that order; shapes as in :class:`Batch`."""
        tokens, document_ids, rows = self._read(np.asarray(indices, dtype=np.int64))
        targets = tokens[:, 1:].copy()
        targets[document_ids[:, 1:] != document_ids[:, :-1]] = IGNORED
        return Batch(
            inputs=np.ascontiguousarray(tokens[:, :-1]),
            targets=targets,
            document_ids=np.ascontiguousarray(document_ids[:, :-1]),
            first_rows=rows,
        )

    def documents(self, index: int) -> range:
        """Rows of ``documents.parquet`` which the sample ``index`` touches."""
        window = self.sample(index)
        return range(window.first_row, window.first_row + int(window.document_ids[-1]) + 1)

    def _read(self, indices: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]:
        """Tokens (B, T + 1), document numbers within each window (B, T + 1), first row of each window (B,)."""
        if indices.size and indices.min() < 0:
            raise IndexError("samples are numbered from 0")
        length = self.sequence_length + 1
        tokens = np.empty((len(indices), length), dtype=np.int64)
        begins = np.zeros((len(indices), length), dtype=np.int32)
        first_rows = np.empty(len(indices), dtype=np.int64)
        for row, index in enumerate(indices.tolist()):
            places = self._places_of(index // _BLOCK)
            start, first, last = places[index % _BLOCK]
            self.stream.copy_into(tokens[row], start)
            first_rows[row] = first
            if last > first:
                np.add.at(begins[row], self.stream.starts(first + 1, last + 1) - start, 1)
        return tokens, np.cumsum(begins, axis=1, dtype=np.int32), first_rows

    def _places_of(self, block: int) -> _Places:
        """Where the samples of a block lie. Found together, because finding one costs hardly less than finding all."""
        if block not in self._places:
            positions = self.positions(np.arange(block * _BLOCK, (block + 1) * _BLOCK, dtype=np.int64))
            edges = self.stream.rows(np.concatenate([positions, positions + self.sequence_length]))
            if len(self._places) >= _KEPT_BLOCKS:
                del self._places[next(iter(self._places))]
            self._places[block] = list(
                zip(positions.tolist(), edges[:_BLOCK].tolist(), edges[_BLOCK:].tolist(), strict=True)
            )
        return self._places[block]
