"""The sample's sentences as a pool to recombine: distinct, with their words in order.

A word is what stands between white space; in scripts that are written without spaces, a character. A word keeps the
space or line end after it, so that a text is its words joined by nothing.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import regex
from numpy.typing import NDArray

from bessemer.errors import DataError
from bessemer.shards import MANIFEST, read_directory

DOCUMENTS = Path(__file__).parent.parent / "data" / "documents"
LONGEST = 40
"""Words in a sentence; what is longer (tables, code, verse) is cut, so that no sentence makes up a whole document."""

_ALONE = (
    r"\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}"
    r"\p{Script=Myanmar}\uac00-\ud7a3"
)
_UNSPACED = regex.compile(rf"[{_ALONE}]")
_CHARACTER_OR_WORD = regex.compile(rf"[{_ALONE}]\p{{M}}*\s*|[^\s{_ALONE}]+\s*")
_WORD = re.compile(r"\S+\s*")
_END = re.compile(r"""[.!?…。！？]["'”’»)\]」』]*\s?$|\n\n$""")


@dataclass(frozen=True)
class Sentences:
    """Distinct sentences.

    Attributes:
        vocabulary: distinct words, UTF-8, each with the white space after it.
        words: int32, index into ``vocabulary``, all sentences concatenated.
        offsets: shape (sentences + 1,), int64: sentence ``i`` is ``words[offsets[i]:offsets[i + 1]]``.
        texts: UTF-8 of each sentence.
    """

    vocabulary: Sequence[bytes]
    words: NDArray[np.int32]
    offsets: NDArray[np.int64]
    texts: Sequence[bytes]

    def words_of(self, sentences: NDArray[np.int32]) -> NDArray[np.int32]:
        """The words of some sentences, one sentence after another."""
        return np.concatenate([self.words[self.offsets[i] : self.offsets[i + 1]] for i in sentences.tolist()])

    def join(self, words: NDArray[np.int32]) -> bytes:
        """UTF-8 of some words."""
        return b"".join(map(self.vocabulary.__getitem__, words.tolist()))


def sample_texts() -> list[str]:
    """The texts of the documents that ``ingest`` makes.

    Raises:
        DataError: they have not been made.
    """
    if not (DOCUMENTS / MANIFEST).exists():
        raise DataError("data/documents is missing: make it by `bessemer run ingest`, or give other documents.")
    return read_directory(DOCUMENTS, ["text"]).column("text").to_pylist()


def sentences_of(texts: Iterable[str]) -> Sentences:
    """Cut texts into sentences, and keep each distinct one once."""
    numbers: dict[str, int] = {}
    ends: list[bool] = []
    words: list[int] = []
    last: list[bool] = []  # of each word: a sentence ends after it
    for text in texts:
        pattern = _CHARACTER_OR_WORD if _UNSPACED.search(text) else _WORD
        length = 0
        for found in pattern.findall(text.rstrip() + "\n\n"):
            word = _spaced(found)
            number = numbers.get(word)
            if number is None:
                number = numbers[word] = len(numbers)
                ends.append(bool(_END.search(word)))
            length += 1
            closes = ends[number] or length == LONGEST
            words.append(number)
            last.append(closes)
            length = 0 if closes else length
    vocabulary = [word.encode("utf-8", "replace") for word in numbers]
    return _distinct(vocabulary, np.array(words, np.int32), np.flatnonzero(last) + 1)


def _spaced(found: str) -> str:
    """A word with a space, a line end or a blank line after it, or nothing where a script has no spaces."""
    word = found.rstrip()
    space = found[len(word) :]
    lines = space.count("\n")
    return word + ("\n" * min(lines, 2) if lines else " " if space else "")


def _distinct(vocabulary: list[bytes], words: NDArray[np.int32], ends: NDArray[np.int64]) -> Sentences:
    first: dict[bytes, int] = {}
    starts = np.concatenate(([0], ends[:-1]))
    spoken = list(map(vocabulary.__getitem__, words.tolist()))
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        text = b"".join(spoken[start:end])
        first.setdefault(text, start)
    lengths = dict(zip(starts.tolist(), (ends - starts).tolist(), strict=True))
    kept = list(first.values())
    offsets = np.zeros(len(kept) + 1, np.int64)
    np.cumsum([lengths[start] for start in kept], out=offsets[1:])
    chosen = np.concatenate([words[start : start + lengths[start]] for start in kept])
    return Sentences(vocabulary, chosen, offsets, list(first))
