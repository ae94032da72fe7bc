"""What training reads: samples of equal length, in a keyed order in which any of them can be computed alone.

Sample *k* depends on the tokens, the length of a sample, how documents are laid into samples, the mixture and the seed;
not on batch size, processes, or what was read before. So resuming at step *n* is arithmetic, and two clusters of
different sizes see the same order.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bessemer.tokens.layout import Layout, StreamWindows
from bessemer.tokens.schedule import Epochs, Order
from bessemer.tokens.spans import IGNORED, SPAN, Samples, Spans, select
from bessemer.tokens.stream import TokenStream

__all__ = ["IGNORED", "Batch", "Reader", "TokenStream", "Window", "Windows"]

_BLOCK = 256
_KEPT_BLOCKS = 4


class Reader:
    """Samples by global number (0, 1, 2, …, through all epochs), whatever order and layouts they come from.

    Attributes:
        stream: all tokens.
        sequence_length: positions of a sample.
    """

    def __init__(self, stream: TokenStream, sequence_length: int, layouts: Sequence[Layout], order: Order) -> None:
        """Read from ``layouts``, between which ``order`` chooses."""
        self.stream = stream
        self.sequence_length = sequence_length
        self._layouts = layouts
        self._order = order
        self._padded = any(layout.padded for layout in layouts)
        self._blocks: dict[int, tuple[Spans, NDArray[np.int64]]] = {}

    def read(self, indices: NDArray[np.integer] | Sequence[int]) -> Samples:
        """The samples with the given global numbers, in that order.

        Raises:
            IndexError: a number is negative.
        """
        wanted = np.asarray(indices, dtype=np.int64)
        samples = Samples.unread(len(wanted), self.sequence_length)
        if self._padded:
            samples.pad(self.stream.eos_id)
        self.stream.fill(samples, self._spans(wanted))
        return samples

    def predicted(self, first: int, last: int) -> int:
        """Number of targets of the samples ``first`` to ``last - 1`` together, without reading them."""
        if not self._padded:
            return (last - first) * self.sequence_length
        numbers, samples = self._order(np.arange(first, last, dtype=np.int64))
        return sum(
            self._layouts[number].predicted(samples[numbers == number]) for number in np.unique(numbers).tolist()
        )

    def _spans(self, indices: NDArray[np.int64]) -> Spans:
        if indices.size and indices.min() < 0:
            raise IndexError("samples are numbered from 0")
        blocks, offsets = np.divmod(indices, _BLOCK)
        edges = np.flatnonzero(np.concatenate([[True], blocks[1:] != blocks[:-1], [True]]))
        parts = []
        for first, last in itertools.pairwise(edges[: len(blocks) + 1].tolist()):
            parts.append(select(*self._block(int(blocks[first])), offsets[first:last]))
            parts[-1]["sample"] += first
        return np.concatenate([*parts, np.empty(0, dtype=SPAN)])

    def _block(self, block: int) -> tuple[Spans, NDArray[np.int64]]:
        """The spans of a block of samples, and where those of each begin: found together, which costs far less."""
        if block not in self._blocks:
            numbers, samples = self._order(np.arange(block * _BLOCK, (block + 1) * _BLOCK, dtype=np.int64))
            parts = []
            for number in np.unique(numbers).tolist():
                rows = np.flatnonzero(numbers == number)
                parts.append(self._layouts[number].spans(samples[rows]))
                parts[-1]["sample"] = rows[parts[-1]["sample"]]
            spans = np.concatenate(parts)
            spans = spans[np.argsort(spans["sample"], kind="stable")]
            if len(self._blocks) >= _KEPT_BLOCKS:
                del self._blocks[next(iter(self._blocks))]
            self._blocks[block] = (spans, np.searchsorted(spans["sample"], np.arange(_BLOCK + 1)))
        return self._blocks[block]


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
    """Samples in which no token is predicted from another document, B windows of T positions.

    Attributes:
        inputs: (B, T), int64.
        targets: (B, T), int64: the token after each input, or :data:`IGNORED` where that token begins another document.
        document_ids: (B, T), int32, counted from 0 inside each window: the document of each input.
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


class Windows(Reader):
    """Windows of ``sequence_length`` predicted positions over all documents, epoch after epoch.

    Window *w* is the tokens ``w * T`` to ``w * T + T`` inclusive: neighbours share one token, so every token but the
    first is a target in exactly one window of an epoch. Epoch ``e = index // count`` walks the windows in the order of
    a permutation with the key (seed, e). A remainder of less than a window at the end of the stream is not read.
    """

    def __init__(self, stream: TokenStream, sequence_length: int, seed: int) -> None:
        """Lay windows over a stream.

        Raises:
            ConfigError: the stream is shorter than one window.
        """
        layout = StreamWindows(stream, sequence_length)
        super().__init__(stream, sequence_length, [layout], Epochs(layout.count, seed))
        self.seed = seed
        self.count = layout.count

    def positions(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """The stream position at which each sample starts, shape as ``indices``, int64."""
        return self._order(indices)[1] * self.sequence_length

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
        samples = self.read(indices)
        tokens = np.concatenate([samples.inputs[:, :1], samples.targets], axis=1)
        document_ids = np.pad(samples.documents, ((0, 0), (1, 0)))
        return tokens, document_ids, self.stream.rows(self.positions(indices))
