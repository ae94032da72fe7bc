"""How documents are laid into samples of equal length. Any sample can be found without the ones before it."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bessemer.errors import ConfigError
from bessemer.tokens.by_source import SourceDocuments
from bessemer.tokens.spans import SPAN, Spans
from bessemer.tokens.stream import TokenStream


class Layout(Protocol):
    """Samples of one stream of documents, numbered from 0.

    Attributes:
        count: samples of an epoch.
        padded: whether samples may have positions without a target.
    """

    count: int
    padded: bool

    def spans(self, samples: NDArray[np.int64]) -> Spans:
        """What samples are made of; they are numbered in the given order. A thousand cost hardly more than one."""
        ...

    def predicted(self, samples: NDArray[np.int64]) -> int:
        """Number of targets of some samples together, without reading them."""
        ...


class StreamWindows:
    """All documents, one after another in the global order, cut at every ``length`` tokens.

    Sample *w* predicts the tokens ``w * T + 1`` to ``w * T + T``: every token but the first is a target in exactly one
    sample. A remainder of less than a window at the end of the stream is not read.
    """

    padded = False

    def __init__(self, stream: TokenStream, length: int) -> None:
        """Lay windows over a stream.

        Raises:
            ConfigError: the stream is shorter than one window.
        """
        self._stream, self._length = stream, length
        self.count = (stream.total_tokens - 1) // length
        if self.count < 1:
            raise ConfigError(
                f"{stream.directory} has {stream.total_tokens} tokens, fewer than one window of {length} + 1; "
                "lower the sequence length or add text."
            )

    def spans(self, samples: NDArray[np.int64]) -> Spans:
        """One span for each document that has a token of the window; the first may have none that is predicted."""
        positions = samples * self._length
        edges = self._stream.rows(np.concatenate([positions, positions + self._length])).reshape(2, -1)
        documents, spans = _enumerate(*edges)
        _cut(spans, self._stream.starts_of(documents), positions + 1, self._length)
        return spans

    def predicted(self, samples: NDArray[np.int64]) -> int:
        """Every position has a target."""
        return len(samples) * self._length


class SourceWindows:
    """The documents of one source, one after another in the global order, cut at every ``length`` tokens.

    Sample *w* predicts the source's tokens ``w * T`` to ``w * T + T - 1``. Before the first token of a document stands
    the end-of-text token, whichever document lay before it on disk.
    """

    padded = False

    def __init__(self, documents: SourceDocuments, length: int) -> None:
        """Lay windows over a source.

        Raises:
            ConfigError: the source is shorter than one window.
        """
        self._documents, self._length = documents, length
        self.count = documents.tokens // length
        if self.count < 1:
            raise ConfigError(
                f"pretrain.mixture: the source {documents.name} has {documents.tokens} tokens, fewer than one sequence "
                f"of {length}; give it no weight, lower pretrain.sequence_length or add text."
            )

    def spans(self, samples: NDArray[np.int64]) -> Spans:
        """One span for each document."""
        positions = samples * self._length
        edges = self._documents.find(np.concatenate([positions, positions + self._length - 1])).reshape(2, -1)
        documents, spans = _enumerate(*edges)
        begins = self._documents.begins(documents)
        _cut(spans, begins, positions, self._length)
        spans["start"] += self._documents.places(documents) - begins
        return spans

    def predicted(self, samples: NDArray[np.int64]) -> int:
        """Every position has a target."""
        return len(samples) * self._length


def _enumerate(first: NDArray[np.int64], last: NDArray[np.int64]) -> tuple[NDArray[np.int64], Spans]:
    """The documents ``first`` to ``last`` of each sample, and a span for each of them that has its number only."""
    counts = last - first + 1
    ends = np.cumsum(counts)
    spans = np.zeros(ends[-1] if len(ends) else 0, dtype=SPAN)
    spans["sample"] = np.repeat(np.arange(len(counts)), counts)
    spans["document"] = np.arange(len(spans)) - np.repeat(ends - counts, counts)
    return np.repeat(first, counts) + spans["document"], spans


def _cut(spans: Spans, starts: NDArray[np.int64], begins: NDArray[np.int64], length: int) -> None:
    """Cut documents that follow each other to windows.

    Args:
        spans: shape (n,), written to.
        starts: shape (n,): position at which the document of each span starts.
        begins: shape (B,): first position of each window of ``length``.
        length: of a window.
    """
    window = begins[spans["sample"]]
    last = np.append(spans["sample"][1:] != spans["sample"][:-1], True)
    spans["start"] = np.maximum(starts, window)
    spans["column"] = spans["start"] - window
    spans["length"] = np.where(last, window + length, np.append(starts[1:], 0)) - spans["start"]
