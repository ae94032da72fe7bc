"""From windows of tokens to what a forward pass takes; which samples belong to which process.

The end-of-text token that stands before a document counts as its beginning: it is the target that ends the document
before, and the input from which the first token of the next one is predicted. So every token of a window is a target,
and a model starts a text from the same token in training, evaluation and generation.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bessemer.tokens.loader import Windows

Inputs = dict[str, Tensor]


def collate(windows: Windows, indices: NDArray[np.int64], device: torch.device) -> Inputs:
    """Model inputs for the samples with the given global numbers, B of T tokens.

    Returns:
        ``input_ids`` and ``shift_labels`` (B, T) int64 and ``document_ids`` (B, T) int32: the document of each
        position's target.
    """
    samples = [windows.sample(int(index)) for index in indices]
    tokens = torch.from_numpy(np.stack([sample.tokens for sample in samples]))
    documents = torch.from_numpy(np.stack([sample.document_ids for sample in samples]))
    batch = {"input_ids": tokens[:, :-1], "shift_labels": tokens[:, 1:], "document_ids": documents[:, 1:]}
    return {name: tensor.contiguous().to(device, non_blocking=True) for name, tensor in batch.items()}


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
    """The same held-out windows each time, and the UTF-8 bytes of the tokens they predict."""

    windows: Windows
    count: int
    token_bytes: NDArray[np.int64]

    @classmethod
    def of(cls, windows: Windows, tokens: int, token_bytes: NDArray[np.int64]) -> "Validation":
        """As many windows as hold ``tokens``, in the keyed order of the stream, so that all sources are among them."""
        wanted = max(1, tokens // windows.sequence_length)
        return cls(windows, min(wanted, windows.count), token_bytes)

    def batches(self, world: int, rank: int, size: int, device: torch.device) -> Iterator[tuple[Inputs, int]]:
        """This process's batches, each with the bytes it predicts. Every process gets equally many.

        A batch that is there only to keep the processes in step repeats the first window and counts no bytes.
        """
        batches = math.ceil(self.count / (world * size))
        for number in range(batches):
            start = (number * world + rank) * size
            indices = np.arange(start, min(start + size, self.count), dtype=np.int64)
            if len(indices) == 0:
                inputs = collate(self.windows, np.zeros(1, dtype=np.int64), device)
                inputs["shift_labels"] = torch.full_like(inputs["shift_labels"], -100)
                yield inputs, 0
                continue
            inputs = collate(self.windows, indices, device)
            yield inputs, int(self.token_bytes[inputs["shift_labels"].cpu().numpy()].sum())


def token_byte_lengths(tokenizer: Path, vocab_size: int) -> NDArray[np.int64]:
    """UTF-8 bytes that each token stands for, shape (vocab_size,); 0 for control tokens.

    Args:
        tokenizer: folder with ``tokenizer.model``.
        vocab_size: ids from the tokenizer's size on stand for nothing.
    """
    import sentencepiece

    model = sentencepiece.SentencePieceProcessor(model_file=str(tokenizer / "tokenizer.model"))
    lengths = np.zeros(vocab_size, dtype=np.int64)
    for token in range(model.get_piece_size()):
        if model.is_byte(token):
            lengths[token] = 1
        elif not (model.is_control(token) or model.is_unknown(token)):
            lengths[token] = len(model.id_to_piece(token).replace("\u2581", " ").encode())
    return lengths
