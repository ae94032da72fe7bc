"""What a tokenizer does to text: bytes per token, tokens per word, single bytes, round trips, unused pieces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bessemer.progress import Progress
from bessemer.text.words import words_of
from bessemer.tokenizer.encode import Encoder
from bessemer.tokenizer.sample import Row

_BATCH = 256


@dataclass
class Fertility:
    """Sums over a group of documents.

    ``words`` are those of :mod:`bessemer.text.words`: in scripts without spaces every character is one.
    ``byte_tokens`` are tokens that stand for a single byte of a character without a piece of its own.
    """

    documents: int = 0
    bytes: int = 0
    tokens: int = 0
    words: int = 0
    byte_tokens: int = 0
    exact: int = 0

    def add(self, other: Fertility) -> None:
        """Add the sums of another group."""
        for name in vars(self):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def bytes_per_token(self) -> float:
        """UTF-8 bytes that one token stands for."""
        return self.bytes / max(1, self.tokens)

    @property
    def tokens_per_word(self) -> float:
        """Tokens that one word takes, punctuation and spaces counted with the words."""
        return self.tokens / max(1, self.words)

    @property
    def byte_token_share(self) -> float:
        """Share of tokens that stand for single bytes."""
        return self.byte_tokens / max(1, self.tokens)

    @property
    def round_trip_share(self) -> float:
        """Share of documents that decode to exactly the text they were encoded from."""
        return self.exact / max(1, self.documents)


@dataclass
class Measures:
    """Measures of a tokenizer on a set of documents; ``counts`` has shape (vocab_size,): uses of each id."""

    counts: NDArray[np.int64]
    total: Fertility = field(default_factory=Fertility)
    by_source: dict[str, Fertility] = field(default_factory=dict)
    by_language: dict[str, Fertility] = field(default_factory=dict)


def measure(encoder: Encoder, rows: Sequence[Row], bar: Progress) -> Measures:
    """Encode and decode documents and sum up what happened, by source and by language; ``bar`` counts documents."""
    measures = Measures(counts=np.zeros(encoder.vocab_size, dtype=np.int64))
    byte_ids = byte_pieces(encoder)
    for start in range(0, len(rows), _BATCH):
        batch = rows[start : start + _BATCH]
        texts = [row.text for row in batch]
        for row, ids, words in zip(batch, encoder.encode(texts), words_of(texts).counts.tolist(), strict=True):
            measures.counts += np.bincount(ids, minlength=encoder.vocab_size)
            one = Fertility(
                documents=1,
                bytes=len(row.text.encode()),
                tokens=len(ids),
                words=words,
                byte_tokens=int(np.count_nonzero(byte_ids[ids])),
                exact=int(encoder.decode(ids) == row.text),
            )
            measures.total.add(one)
            measures.by_source.setdefault(row.source, Fertility()).add(one)
            measures.by_language.setdefault(row.language, Fertility()).add(one)
        bar.advance(len(batch))
    return measures


def byte_pieces(encoder: Encoder) -> NDArray[np.bool_]:
    """Shape (vocab_size,): ids that stand for a single byte as byte fallback writes it, ``<0x41>``."""
    return np.array([len(piece) == 6 and piece.startswith("<0x") and piece.endswith(">") for piece in encoder.pieces])


def segments(encoder: Encoder, text: str) -> str:
    """A text with its tokens set apart by ``|``; newlines and tabs are shown as such."""
    shown = (encoder.pieces[number] for number in encoder.encode([text])[0].tolist())
    return "|".join(piece.replace("\n", "\\n").replace("\t", "\\t") for piece in shown)
