"""Splitting text into words, for every script, as arrays over a batch of documents.

A word is a maximal run of letters, marks and digits. In scripts that are written without spaces (Han, kana, hangul
syllables, Thai, Lao, Khmer, Myanmar) every character, with the marks on it, is a word. Case is folded; all else
separates.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import regex
from numpy.typing import NDArray

from bessemer.text.buffers import TextBuffer
from bessemer.text.characters import ALONE_SCRIPTS

_WORD = regex.compile(
    rf"[[\p{{L}}\p{{M}}\p{{N}}]--[{ALONE_SCRIPTS}]]+|[[{ALONE_SCRIPTS}]&&[\p{{L}}\p{{M}}\p{{N}}]]\p{{M}}*", regex.V1
)
YPOGEGRAMMENI = "\u0345"
_ASCII_WORD = re.compile(r"[a-z0-9]+")


def split(text: str) -> list[str]:
    """The case-folded words of a text, in order."""
    folded = text.casefold()
    return _ASCII_WORD.findall(folded) if folded.isascii() else _WORD.findall(folded)


def word_spans(text: str) -> NDArray[np.int64]:
    """Where the words of :func:`split` are: shape (words, 2), first character and end of each.

    Folding makes no word of what was none, and of all marks only one becomes a letter, which begins a word where a mark
    would not.
    """
    found = [match.span() for match in _WORD.finditer(text.replace(YPOGEGRAMMENI, YPOGEGRAMMENI.casefold()))]
    return np.array(found, np.int64).reshape(-1, 2)


@dataclass(frozen=True)
class Words:
    """The words of a batch of n documents.

    Attributes:
        vocabulary: the distinct words, in the order in which they first occur.
        ids: shape (words,), int32: index into ``vocabulary``, all documents concatenated.
        offsets: shape (n + 1,), int64: document ``i`` is ``ids[offsets[i]:offsets[i + 1]]``.
    """

    vocabulary: Sequence[str]
    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def counts(self) -> NDArray[np.int64]:
        """Shape (n,), int64: words of each document."""
        return np.diff(self.offsets)

    @cached_property
    def hashes(self) -> NDArray[np.uint64]:
        """Shape (words,), uint64: hash of each word; its definition is in :mod:`bessemer.text.word_hash`."""
        return self.hashes_of_vocabulary[self.ids]

    @cached_property
    def hashes_of_vocabulary(self) -> NDArray[np.uint64]:
        """Shape (vocabulary,), uint64: hash of each distinct word, as :mod:`bessemer.text.word_hash` has it."""
        from bessemer.text.hashes import whole_hashes  # who only splits need not wait for a compiler

        return whole_hashes(TextBuffer.of_texts(self.vocabulary))

    @cached_property
    def characters(self) -> NDArray[np.int64]:
        """Shape (words,), int64: code points of each word."""
        return np.fromiter(map(len, self.vocabulary), np.int64, len(self.vocabulary))[self.ids]

    @cached_property
    def alphabetic(self) -> NDArray[np.bool_]:
        """Shape (words,), bool: the word has a letter."""
        lettered = (any(map(str.isalpha, word)) for word in self.vocabulary)
        return np.fromiter(lettered, np.bool_, len(self.vocabulary))[self.ids]

    def documents(self) -> NDArray[np.int64]:
        """Shape (words,), int64: index of the document that each word is in."""
        return np.repeat(np.arange(len(self), dtype=np.int64), self.counts)

    def sum_by_document(self, values: NDArray[np.int64]) -> NDArray[np.float64]:
        """Shape (n,), float64: sum over each document of ``values``, which has one for every word."""
        return np.bincount(self.documents(), values, len(self)).astype(np.float64)


class _Numbering(dict[str, int]):
    """Gives every new word the next number."""

    def __missing__(self, word: str) -> int:
        number = self[word] = len(self)
        return number


def words_of(texts: Iterable[str]) -> Words:
    """Split a batch of documents into words.

    Args:
        texts: the documents; memory is about five bytes a word plus the vocabulary.
    """
    numbering = _Numbering()
    ids: list[NDArray[np.int32]] = []
    for text in texts:
        found = split(text)
        ids.append(np.fromiter(map(numbering.__getitem__, found), np.int32, len(found)))
    offsets = np.zeros(len(ids) + 1, np.int64)
    np.cumsum([len(part) for part in ids], out=offsets[1:])
    return Words(list(numbering), np.concatenate(ids) if ids else np.empty(0, np.int32), offsets)
