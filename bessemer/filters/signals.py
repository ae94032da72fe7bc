"""Heuristic quality signals: numbers, never verdicts. ``curate`` holds the limits.

Definitions follow the papers: Gopher (Rae et al. 2021, appendix A.1.1), C4 (Raffel et al. 2020, section 2.2), FineWeb
(Penedo et al. 2024, section 3.6), RedPajama-v2 (Weber et al. 2024, appendix; its columns have its names). Where a paper
leaves room, Gopher's and FineWeb's limits mean here what they mean in datatrove's filters, with which FineWeb was made,
and :data:`SIGNALS` says what is counted. Words are those of :func:`bessemer.text.words.split` throughout, also for
RedPajama-v2, which lower-cases, removes punctuation and splits at white space.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bessemer.filters.repetition import DUPLICATE_SIZES, TOP_SIZES, line_shares, ngram_shares, word_ngram_shares
from bessemer.text.buffers import TextBuffer
from bessemer.text.counts import Counts, counts_of
from bessemer.text.measure import Counted


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
    "bullet_line_fraction": Signal(
        _SHARE, "lines that start with a bullet, or a dash before white space, of all lines, blank ones too (Gopher)"
    ),
    "ellipsis_line_fraction": Signal(
        _SHARE, "lines that end with an ellipsis, of all lines, blank ones too (Gopher, RedPajama-v2)"
    ),
    "alphabetic_word_fraction": Signal(_SHARE, "words that have a letter, of all words (Gopher)"),
    "stop_words": Signal(_INT, "distinct words of quality.stop_words that occur (Gopher)"),
    "lines": Signal(_INT, "lines that are not blank"),
    "duplicate_line_fraction": Signal(
        _SHARE, "lines that occurred before, as they stand, of all lines that are not blank (Gopher)"
    ),
    "duplicate_line_characters": Signal(
        _SHARE, "characters in lines that occurred before, of all but line breaks (Gopher, FineWeb)"
    ),
    "duplicate_paragraph_fraction": Signal(
        _SHARE, "paragraphs (between blank lines) that occurred before, as they stand, of all paragraphs (Gopher)"
    ),
    "duplicate_paragraph_characters": Signal(
        _SHARE, "characters in paragraphs that occurred before, of all characters (Gopher)"
    ),
    **{
        f"top_{n}_gram_characters": Signal(
            _SHARE,
            f"characters of the commonest {n}-gram, with a space between words, times its occurrences, of all "
            "characters (Gopher)",
        )
        for n in TOP_SIZES
    },
    **{
        f"duplicate_{n}_gram_characters": Signal(
            _SHARE,
            f"word characters of {n}-grams that occurred before, passed over from left to right so that none counts "
            "twice, of all characters (Gopher)",
        )
        for n in DUPLICATE_SIZES
    },
    "sentences": Signal(_INT, "sentence ends: terminal marks before white space, or ideographic ones (C4)"),
    "lorem_ipsum": Signal(_INT, "occurrences of 'lorem ipsum' in any case (C4)"),
    "curly_brackets": Signal(_INT, "opening curly brackets (C4)"),
    "javascript_line_fraction": Signal(
        _SHARE, "lines that have the word javascript in any case, of all lines that are not blank (C4)"
    ),
    "terminal_line_fraction": Signal(
        _SHARE,
        "lines whose last character ends a sentence (Unicode's Sentence_Terminal), of all lines that are not blank "
        "(FineWeb)",
    ),
    "quoted_terminal_line_fraction": Signal(
        _SHARE,
        "lines that end with a period, exclamation mark, question mark or end quotation mark, of all lines that are "
        "not blank (C4, RedPajama-v2)",
    ),
    "short_line_fraction": Signal(
        _SHARE, "lines under quality.short_line_characters as they stand, of all lines that are not blank (FineWeb)"
    ),
    "newlines_per_word": Signal(_SHARE, "line breaks per word (FineWeb); per document if it has no words"),
    "rps_doc_num_sentences": Signal(_INT, r"matches of \b[^.!?]+[.!?]*"),
    "rps_doc_symbol_to_word_ratio": Signal(_SHARE, r"number signs and ellipses per token: a match of \w+|[^\w\s]+"),
    "rps_doc_frac_no_alph_words": Signal(_SHARE, "tokens without an ASCII letter, of all tokens"),
    "rps_doc_frac_all_caps_words": Signal(_SHARE, "tokens in capitals, of all tokens"),
    "rps_doc_frac_unique_words": Signal(_SHARE, "distinct words, of all words"),
    "rps_doc_unigram_entropy": Signal(_SHARE, "entropy of the distribution of words, in nats"),
    "rps_doc_stop_word_fraction": Signal(_SHARE, "words that are in quality.stop_words, of all words"),
    "rps_doc_curly_bracket": Signal(_SHARE, "curly brackets, of all characters"),
    "rps_doc_lorem_ipsum": Signal(_SHARE, "occurrences of 'lorem ipsum' in any case, per character"),
    "rps_lines_uppercase_letter_fraction": Signal(
        _SHARE, "upper-case characters, of all characters but line breaks: the mean over lines by their length"
    ),
    "rps_lines_numerical_chars_fraction": Signal(
        _SHARE, "numeric characters, of all characters but line breaks: the mean over lines by their length"
    ),
    "rps_lines_num_words": Signal(_SHARE, "words per line that is not blank: the mean over lines"),
    **{
        f"rps_doc_frac_chars_top_{n}gram": Signal(
            _SHARE, f"word characters of the commonest {n}-gram, times its occurrences, of all word characters"
        )
        for n in TOP_SIZES
    },
    **{
        f"rps_doc_frac_chars_dupe_{n}grams": Signal(
            _SHARE, f"characters of words in {n}-grams that occur twice or more, each once, of all word characters"
        )
        for n in DUPLICATE_SIZES
    },
}


def signals_of(
    buffer: TextBuffer, *, stop_words: Sequence[str], short_line_characters: int
) -> dict[str, NDArray[np.float64]]:
    """Every signal of :data:`SIGNALS` for a batch of documents.

    Args:
        buffer: n documents.
        stop_words: case-folded words.
        short_line_characters: a line with fewer code points is short.

    Returns:
        Name to array of shape (n,), float64, in the order of :data:`SIGNALS`. A share of nothing is 0.
    """
    counts = counts_of(buffer, stop_words, short_line_characters)
    columns = (
        _counted(counts)
        | _word_shares(counts)
        | _line_shares(counts)
        | line_shares(counts)
        | ngram_shares(counts)
        | _token_shares(counts)
        | word_ngram_shares(counts)
    )
    return {name: columns[name] for name in SIGNALS}


def signal_table(columns: dict[str, NDArray[np.float64]]) -> pa.Table:
    """The columns in their stored types, in the order of :data:`SIGNALS`."""
    return pa.table({name: pa.array(columns[name]).cast(signal.type, safe=False) for name, signal in SIGNALS.items()})


def _counted(counts: Counts) -> dict[str, NDArray[np.float64]]:
    """The signals that are numbers of something."""
    return {
        "words": counts.of(Counted.WORDS),
        "characters": counts.of(Counted.CHARACTERS),
        "stop_words": counts.of(Counted.STOP_WORDS),
        "lines": counts.of(Counted.TEXT_LINES),
        "sentences": counts.of(Counted.SENTENCES),
        "lorem_ipsum": counts.of(Counted.LOREM_IPSUM),
        "curly_brackets": counts.of(Counted.OPENING_CURLY),
        "rps_doc_num_sentences": counts.of(Counted.STOPPED),
        "rps_doc_unigram_entropy": counts.entropy,
    }


def _word_shares(counts: Counts) -> dict[str, NDArray[np.float64]]:
    """What is divided by the number of words."""
    shares = {
        "mean_word_length": Counted.WORD_CHARACTERS,
        "hashes_per_word": Counted.HASHES,
        "ellipses_per_word": Counted.ELLIPSES,
        "newlines_per_word": Counted.NEWLINES,
        "alphabetic_word_fraction": Counted.LETTERED_WORDS,
        "rps_doc_frac_unique_words": Counted.DISTINCT_WORDS,
        "rps_doc_stop_word_fraction": Counted.STOP_WORD_OCCURRENCES,
    }
    return {name: counts.share(part, Counted.WORDS) for name, part in shares.items()}


def _line_shares(counts: Counts) -> dict[str, NDArray[np.float64]]:
    """What is divided by the number of lines."""
    of_all = {
        "bullet_line_fraction": Counted.BULLET_LINES,
        "ellipsis_line_fraction": Counted.ELLIPSIS_LINES,
    }
    of_text = {
        "javascript_line_fraction": Counted.JAVASCRIPT_LINES,
        "terminal_line_fraction": Counted.TERMINAL_LINES,
        "quoted_terminal_line_fraction": Counted.QUOTED_LINES,
        "short_line_fraction": Counted.SHORT_LINES,
        "rps_lines_num_words": Counted.WORDS,
    }
    return {name: counts.share(part, Counted.LINES) for name, part in of_all.items()} | {
        name: counts.share(part, Counted.TEXT_LINES) for name, part in of_text.items()
    }


def _token_shares(counts: Counts) -> dict[str, NDArray[np.float64]]:
    """Signals of RedPajama-v2 that are shares of tokens or of characters."""
    tokens, characters = counts.of(Counted.TOKENS), counts.of(Counted.CHARACTERS)
    symbols = counts.of(Counted.HASHES) + counts.of(Counted.ELLIPSES)
    inside = characters - counts.of(Counted.NEWLINES)
    return {
        "rps_doc_symbol_to_word_ratio": symbols / np.maximum(tokens, 1.0),
        "rps_doc_frac_no_alph_words": (tokens - counts.of(Counted.LATIN_TOKENS)) / np.maximum(tokens, 1.0),
        "rps_doc_frac_all_caps_words": counts.share(Counted.CAPITAL_TOKENS, Counted.TOKENS),
        "rps_doc_curly_bracket": counts.share(Counted.CURLY, Counted.CHARACTERS),
        "rps_doc_lorem_ipsum": counts.share(Counted.LOREM_IPSUM, Counted.CHARACTERS),
        "rps_lines_uppercase_letter_fraction": counts.of(Counted.UPPER) / np.maximum(inside, 1.0),
        "rps_lines_numerical_chars_fraction": counts.of(Counted.NUMERIC) / np.maximum(inside, 1.0),
    }
