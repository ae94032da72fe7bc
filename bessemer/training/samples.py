"""From windows of tokens to what a forward pass takes; which samples belong to which process.

The end-of-text token that stands before a document counts as its beginning: it is the target that ends the document
before, and the input from which the first token of the next one is predicted. So every token of a window is a target,
and a model starts a text from the same token in training, evaluation and generation.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from torch import Tensor

from bessemer.tokens.directory import DOCUMENTS
from bessemer.tokens.loader import Reader, Windows

Inputs = dict[str, Tensor]


def collate(reader: Reader, indices: NDArray[np.int64], device: torch.device) -> Inputs:
    """Model inputs for the samples with the given global numbers, B of T tokens.

    Returns:
        ``input_ids`` and ``shift_labels`` (B, T) int64 and ``document_ids`` (B, T) int32: the document of each
        position's target.
    """
    samples = reader.read(indices)
    batch = {"input_ids": samples.inputs, "shift_labels": samples.targets, "document_ids": samples.documents}
    return {name: torch.from_numpy(array).to(device, non_blocking=True) for name, array in batch.items()}


@dataclass(frozen=True)
class Share:
    """The part of every step that one of ``world`` processes computes, ``micro_batch`` samples at a time."""

    batch: int
    world: int
    rank: int
    micro_batch: int

    def indices(self, step: int) -> Iterator[NDArray[np.int64]]:
        """Global sample numbers of step ``step`` (from 0): a contiguous share, one array for each forward pass."""
        share = self.batch // self.world
        first = step * self.batch + self.rank * share
        for start in range(first, first + share, self.micro_batch):
            yield np.arange(start, start + self.micro_batch, dtype=np.int64)


@dataclass(frozen=True)
class Validation:
    """The same held-out windows each time, and the UTF-8 bytes that they predict.

    A token counts as many bytes as the tokens of its document have on average, so whole documents count exactly.
    """

    windows: Windows
    count: int
    bytes_per_token: NDArray[np.float64]

    @classmethod
    def of(cls, windows: Windows, tokens: int) -> "Validation":
        """As many windows as hold ``tokens``, in the keyed order of the stream, so that all sources are among them."""
        table = pq.read_table(windows.stream.directory / DOCUMENTS, columns=["bytes", "tokens"])
        ratios = table["bytes"].to_numpy() / np.maximum(table["tokens"].to_numpy(), 1)
        wanted = max(1, tokens // windows.sequence_length)
        return cls(windows, min(wanted, windows.count), ratios)

    def batches(self, share: Share, device: torch.device) -> Iterator[tuple[Inputs, float]]:
        """A process's batches, each with the bytes it predicts. Every process gets equally many.

        A batch that is there only to keep the processes in step repeats the first window and counts no bytes.
        """
        size = share.micro_batch
        for number in range(math.ceil(self.count / (share.world * size))):
            start = (number * share.world + share.rank) * size
            indices = np.arange(start, min(start + size, self.count), dtype=np.int64)
            if len(indices):
                yield collate(self.windows, indices, device), self._bytes(indices)
            else:
                yield collate(self.windows, np.zeros(1, dtype=np.int64), device), 0.0

    def _bytes(self, indices: NDArray[np.int64]) -> float:
        samples = [self.windows.sample(int(index)) for index in indices]
        return float(sum(self.bytes_per_token[sample.first_row + sample.document_ids[1:]].sum() for sample in samples))
