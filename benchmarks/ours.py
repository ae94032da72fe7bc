"""This project's signatures and index, as a system to be measured.

Documents are UTF-8 bytes, as files have them and as this project works on them; with the second argument `strings` they
are Python strings, which have to be encoded first.
"""

import functools
import sys
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.serve import Pairs, System, serve
from bessemer.config.dedup import DedupParams
from bessemer.dedup.lsh import Banding, band_keys, choose_banding
from bessemer.dedup.minhash import permutations, sign_texts
from bessemer.text.buffers import TextBuffer
from bessemer.text.words import split

PARAMS = DedupParams()
MAPS = permutations(PARAMS.permutations, PARAMS.seed)
BATCH = 100
"""Documents at a time, few enough for a cache and enough for a call."""


def sign(texts: list[str]) -> NDArray[np.uint32]:
    """The signatures of all texts: shape (texts, permutations)."""
    return _sign(TextBuffer.of_texts(texts[start : start + BATCH]) for start in range(0, len(texts), BATCH))


def sign_encoded(texts: list[bytes]) -> NDArray[np.uint32]:
    """The same of UTF-8 bytes."""
    return _sign(_joined(texts[start : start + BATCH]) for start in range(0, len(texts), BATCH))


def _sign(batches: Iterable[TextBuffer]) -> NDArray[np.uint32]:
    return np.concatenate([sign_texts(batch, PARAMS.shingle_words, MAPS).signatures for batch in batches])


def _joined(texts: list[bytes]) -> TextBuffer:
    return TextBuffer(np.frombuffer(b"".join(texts), np.uint8), np.cumsum([0, *map(len, texts)]))


@functools.cache
def banding() -> Banding:
    """The bands and rows that the parameters' defaults give."""
    return choose_banding(PARAMS.floor, PARAMS.permutations, PARAMS.false_negative_weight)


def in_one_band(first: NDArray[np.uint32], second: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Which of the rows of two arrays of signatures agree in a band."""
    return (band_keys(first, banding()) == band_keys(second, banding())).any(axis=1)


def word_set(text: str) -> frozenset[tuple[str, ...]]:
    """The shingles as they are defined, in plain Python; a shorter text is one."""
    words = split(text)
    n = PARAMS.shingle_words
    return frozenset(tuple(words[i : i + n]) for i in range(max(1, len(words) - n + 1)))


def estimate(pairs: Pairs) -> tuple[list[float], list[float]]:
    """Estimated and true similarity of each pair."""
    first, second = sign([a for a, _ in pairs]), sign([b for _, b in pairs])
    sets = [(word_set(a), word_set(b)) for a, b in pairs]
    return (first == second).mean(axis=1).tolist(), [len(a & b) / len(a | b) for a, b in sets]


def find(pairs: Pairs) -> float:
    """Share of pairs that the index finds."""
    first, second = sign([a for a, _ in pairs]), sign([b for _, b in pairs])
    return float(in_one_band(first, second).mean())


if __name__ == "__main__":
    strings = sys.argv[2:] == ["strings"]
    serve(System(sign if strings else sign_encoded, estimate, find, encoded=not strings))
