"""Heuristic quality signals: numbers, never verdicts. ``curate`` holds the limits.

Definitions follow the papers: Gopher (Rae et al. 2021, appendix A.1.1), C4 (Raffel et al. 2020, section 2.2), FineWeb
(Penedo et al. 2024, section 3.6). Where a paper leaves room, :data:`SIGNALS` says what is counted here.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bessemer.filters.repetition import DUPLICATE_SIZES, TOP_SIZES, duplicate_shares, ngram_shares, paragraphs
from bessemer.text.words import Words, words_of

_TERMINAL = tuple(".!?\"'”’…。！？」』｡؟۔।॥።։။៕")
_SENTENCE_END = re.compile(r"(?:[.!?…؟۔।॥።։။៕]+[\"'”’»)\]]*(?=\s|$))|[。！？｡]+")
_BULLETS = ("•", "‣", "▪", "●", "◦", "∙", "·", "*", "-", "–", "—")
_ELLIPSES = ("...", "…")
_ASCII_LETTER = re.compile(r"[A-Za-z]")


@dataclass(frozen=True)
class Signal:
    """A column of the quality sidecar: its type, and in a sentence what it counts."""

    type: pa.DataType
    description: str


_INT, _SHARE = pa.int32(), pa.float32()

SIGNALS: Final[dict[str, Signal]] = {
    "words": Signal(_INT, "words (runs of letters, marks and digits; one a character in scripts without spaces)"),
    "characters": Signal(_INT, "code points"),
    "mean_word_length": Signal(_SHARE, "code points of words per word; 0 without words"),
    "hashes_per_word": Signal(_SHARE, "number signs per word (Gopher); per document if it has no words"),
    "ellipses_per_word": Signal(_SHARE, "ellipses, as one character or three dots, per word (Gopher)"),
    "bullet_line_fraction": Signal(_SHARE, "lines that start with a bullet, of all lines that are not blank (Gopher)"),
    "ellipsis_line_fraction": Signal(
        _SHARE, "lines that end with an ellipsis, of all lines that are not blank (Gopher)"
    ),
    "alphabetic_word_fraction": Signal(
        _SHARE, "runs between white space that have a letter, of all such runs (Gopher)"
    ),
    "stop_words": Signal(_INT, "distinct words of quality.stop_words that occur (Gopher)"),
    "lines": Signal(_INT, "lines that are not blank"),
    "duplicate_line_fraction": Signal(_SHARE, "lines that occurred before, of all lines (Gopher)"),
    "duplicate_line_characters": Signal(
        _SHARE, "characters in lines that occurred before, of all in lines (Gopher, FineWeb)"
    ),
    "duplicate_paragraph_fraction": Signal(_SHARE, "paragraphs that occurred before, of all paragraphs (Gopher)"),
    "duplicate_paragraph_characters": Signal(
        _SHARE, "characters in paragraphs that occurred before, of all in them (Gopher)"
    ),
    **{
        f"top_{n}_gram_characters": Signal(
            _SHARE, f"word characters in the commonest {n}-gram, times its occurrences (Gopher)"
        )
        for n in TOP_SIZES
    },
    **{
        f"duplicate_{n}_gram_characters": Signal(_SHARE, f"word characters in {n}-grams that occurred before (Gopher)")
        for n in DUPLICATE_SIZES
    },
    "sentences": Signal(_INT, "sentence ends: terminal marks before white space, or ideographic ones (C4)"),
    "lorem_ipsum": Signal(_INT, "occurrences of 'lorem ipsum' in any case (C4)"),
    "curly_brackets": Signal(_INT, "opening curly brackets (C4)"),
    "javascript_line_fraction": Signal(_SHARE, "lines that have the word javascript, of all lines (C4)"),
    "terminal_line_fraction": Signal(
        _SHARE, "lines that end with terminal punctuation or a quote, of all (C4, FineWeb)"
    ),
    "short_line_fraction": Signal(_SHARE, "lines under quality.short_line_characters, of all (FineWeb)"),
    "newlines_per_word": Signal(_SHARE, "line breaks per word (FineWeb); per document if it has no words"),
}


def signals_of(
    texts: Sequence[str], *, stop_words: Sequence[str], short_line_characters: int
) -> dict[str, NDArray[np.float64]]:
    """Every signal of :data:`SIGNALS` for a batch of documents.

    Args:
        texts: n documents.
        stop_words: case-folded words.
        short_line_characters: a line with fewer code points is short.

    Returns:
        Name to array of shape (n,), float64, in the order of :data:`SIGNALS`.
    """
    words = words_of(texts)
    rows = [_line_signals(text, short_line_characters) | _text_counts(text) for text in texts]
    columns: dict[str, NDArray[np.float64]] = {
        name: np.array([row[name] for row in rows], np.float64) for name in (rows[0] if rows else ())
    }
    counts = words.counts.astype(np.float64)
    per_word = np.maximum(counts, 1.0)
    columns["words"] = counts
    columns["mean_word_length"] = words.sum_by_document(words.characters) / per_word
    columns["stop_words"] = _distinct_stop_words(words, stop_words)
    for name in ("hashes_per_word", "ellipses_per_word", "newlines_per_word"):
        columns[name] = columns.get(name, counts) / per_word
    columns.update(ngram_shares(words))
    return {name: columns.get(name, np.empty(0)) for name in SIGNALS}


def signal_table(columns: dict[str, NDArray[np.float64]]) -> pa.Table:
    """The columns in their stored types, in the order of :data:`SIGNALS`."""
    return pa.table({name: pa.array(columns[name]).cast(signal.type, safe=False) for name, signal in SIGNALS.items()})


def sentences(text: str) -> int:
    """Number of sentence ends: terminal marks (and closing quotes) before white space, or ideographic ones anywhere."""
    return sum(1 for _ in _SENTENCE_END.finditer(text))


def _text_counts(text: str) -> dict[str, float]:
    """Counts and shares of one text; the ratios are divided by its words later."""
    runs = Counter(text.split())
    total = sum(runs.values())
    lettered = sum(count for run, count in runs.items() if _has_letter(run))
    parts = paragraphs(text)
    duplicates, duplicate_characters = duplicate_shares(parts)
    return {
        "characters": len(text),
        "hashes_per_word": text.count("#"),
        "ellipses_per_word": text.count("...") + text.count("…"),
        "newlines_per_word": text.count("\n"),
        "alphabetic_word_fraction": lettered / total if total else 0.0,
        "duplicate_paragraph_fraction": duplicates,
        "duplicate_paragraph_characters": duplicate_characters,
        "sentences": sentences(text),
        "lorem_ipsum": text.casefold().count("lorem ipsum"),
        "curly_brackets": text.count("{"),
    }


def _has_letter(run: str) -> bool:
    return _ASCII_LETTER.search(run) is not None or any(map(str.isalpha, run))


def _line_signals(text: str, short: int) -> dict[str, float]:
    lines = [line for piece in text.split("\n") if (line := piece.strip())]
    duplicates, duplicate_characters = duplicate_shares(lines)
    total = max(1, len(lines))
    return {
        "lines": len(lines),
        "bullet_line_fraction": sum(_is_bullet(line) for line in lines) / total,
        "ellipsis_line_fraction": sum(line.endswith(_ELLIPSES) for line in lines) / total,
        "duplicate_line_fraction": duplicates,
        "duplicate_line_characters": duplicate_characters,
        "javascript_line_fraction": sum("javascript" in line.casefold() for line in lines) / total,
        "terminal_line_fraction": sum(line.endswith(_TERMINAL) for line in lines) / total,
        "short_line_fraction": sum(len(line) < short for line in lines) / total,
    }


def _is_bullet(line: str) -> bool:
    """A dash or star counts only before white space: ``-1.5`` and ``**bold**`` are no list items."""
    return line.startswith(_BULLETS[:7]) or (line.startswith(_BULLETS[7:]) and line[1:2].isspace())


def _distinct_stop_words(words: Words, stop_words: Sequence[str]) -> NDArray[np.float64]:
    number = {word: place for place, word in enumerate(words.vocabulary)}
    result = np.zeros(len(words), np.float64)
    documents = words.documents()
    for word in sorted(set(stop_words)):
        if word in number:
            result[np.unique(documents[words.ids == number[word]])] += 1
    return result
