"""Which stretches of a token stream make up samples, and copying them: the one place where tokens are moved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bessemer.text.compiled import kernel

IGNORED = -100
"""The target that losses leave out, by the convention of PyTorch's ``cross_entropy``."""

SPAN = np.dtype([(name, np.int64) for name in ("sample", "column", "start", "length", "document")])
"""A stretch of predicted tokens. ``sample`` is the row that it belongs to and ``column`` where it begins there;
``start`` is the position in the stream of its first token, and ``length`` its tokens, all in one document; none copies
nothing. ``document`` numbers the document inside the sample. What no span covers is padding."""

Spans = NDArray[np.void]
"""Shape (n,), of type :data:`SPAN`, ascending by sample and column."""


@dataclass(frozen=True)
class Samples:
    """What a forward pass takes, B samples of T positions.

    Attributes:
        inputs: (B, T), int64: the token before each target; before a document that is the end-of-text token.
        targets: (B, T), int64: the token that each position predicts, :data:`IGNORED` where there is padding.
        documents: (B, T), int32: the document of each target, counted inside the sample; padding is one of its own.
    """

    inputs: NDArray[np.int64]
    targets: NDArray[np.int64]
    documents: NDArray[np.int32]

    @classmethod
    def unread(cls, count: int, length: int) -> Samples:
        """Room for samples."""
        inputs, targets = np.empty((2, count, length), dtype=np.int64)
        return cls(inputs, targets, np.empty((count, length), dtype=np.int32))

    def pad(self, eos_id: int) -> None:
        """Make all of it padding, before spans are copied over it."""
        self.inputs.fill(eos_id)
        self.targets.fill(IGNORED)
        self.documents.fill(np.iinfo(np.int32).max)


@kernel
def copy_spans(
    tokens: NDArray[np.generic],
    first: int,
    before: int,
    spans: Spans,
    files: NDArray[np.int64],
    file: int,
    inputs: NDArray[np.int64],
    targets: NDArray[np.int64],
    documents: NDArray[np.int32],
) -> None:
    """Copy the spans that lie in one file into samples.

    Args:
        tokens: of the file, any integer type.
        first: position in the stream of the first of them.
        before: the token before the first.
        spans: shape (n,).
        files: shape (n,): the file of each.
        file: which of them is read; its spans must be inside.
        inputs, targets, documents: of :class:`Samples`, written to.
    """
    for number in range(len(spans)):
        length = spans[number].length
        if files[number] != file or length <= 0:
            continue
        row, column, start = spans[number].sample, spans[number].column, spans[number].start - first
        read = tokens[start : start + length]
        predicted, seen = targets[row, column : column + length], inputs[row, column : column + length]
        for at in range(length):
            predicted[at] = read[at]
        seen[0] = tokens[start - 1] if start > 0 else before
        for at in range(length - 1):
            seen[at + 1] = read[at]
        documents[row, column : column + length] = spans[number].document


def select(spans: Spans, offsets: NDArray[np.int64], wanted: NDArray[np.int64]) -> Spans:
    """The spans of some samples, numbered anew in the given order.

    Args:
        spans: of samples 0 … m - 1.
        offsets: shape (m + 1,): those of sample i are ``spans[offsets[i]:offsets[i + 1]]``.
        wanted: shape (k,): samples.
    """
    counts = offsets[wanted + 1] - offsets[wanted]
    ends = np.cumsum(counts)
    found: Spans = spans[np.arange(ends[-1] if len(ends) else 0) + np.repeat(offsets[wanted] - ends + counts, counts)]
    found["sample"] = np.repeat(np.arange(len(wanted)), counts)
    return found
