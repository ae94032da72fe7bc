"""This project's quality signals, as a system to be measured: from UTF-8 bytes to the columns that a shard stores.

Its verdicts are those of ``curate``'s policy: the first reason at the limits that datatrove's filters have by default;
started with the word `published`, all reasons at Gopher's and C4's limits as published, of those that Dolma has too.
"""

import sys
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from benchmarks.peers.serve import System, serve
from bessemer.config.curate import CurateParams
from bessemer.config.quality import QualityParams
from bessemer.filters.rules import PASSED, Policy
from bessemer.filters.signals import signal_table, signals_of
from bessemer.text.buffers import TextBuffer

SHORT = 31
"""datatrove's lines of up to 30 characters are short."""
STOP_WORDS = QualityParams().stop_words
LIMITS = CurateParams.model_validate(
    {
        "min_language_score": None,
        "min_language_share": None,
        "length": {"min_words": 50, "max_words": 100_000},
        "words": {"languages": None, "min_mean_word_length": 3, "max_mean_word_length": 10, "min_stop_words": 2},
        "symbols": {
            "max_hashes_per_word": 0.1,
            "max_ellipses_per_word": 0.1,
            "max_bullet_line_fraction": 0.9,
            "max_ellipsis_line_fraction": 0.3,
            "min_alphabetic_word_fraction": 0.8,
        },
        "repeated_lines": {
            "max_duplicate_line_fraction": 0.3,
            "max_duplicate_paragraph_fraction": 0.3,
            "max_duplicate_line_characters": 0.2,
            "max_duplicate_paragraph_characters": 0.2,
        },
        "repeated_ngrams": {
            "except_languages": [],
            **{f"max_top_{n}_gram_characters": limit for n, limit in ((2, 0.2), (3, 0.18), (4, 0.16))},
            **{f"max_duplicate_{n}_gram_characters": (20 - n) / 100 for n in range(5, 11)},
        },
        "web": {
            "languages": None,
            "max_lorem_ipsum": None,
            "min_terminal_line_fraction": 0.12,
            "max_duplicate_line_characters": 0.01,
            "max_short_line_fraction": 0.67,
            "max_newlines_per_word": 0.3,
        },
        "classifier": {"min_classifier_score": None},
        "contamination": {"max_overlap": None, "max_reverse_overlap": None},
    }
)
_PUBLISHED = LIMITS.model_dump(exclude={"web"})
_PUBLISHED["repeated_lines"] |= {"max_duplicate_paragraph_fraction": None, "max_duplicate_paragraph_characters": None}
PUBLISHED = CurateParams.model_validate(
    _PUBLISHED | {"web": {"languages": None, "max_lorem_ipsum": 0, "max_curly_brackets": 0}}
)
"""Of Gopher's rules those that Dolma has too: it looks at no paragraphs."""
_SYMBOLS = {"hash_signs": "symbols", "ellipses": "symbols"}
"""Gopher has one limit for both symbols, and Dolma counts them together."""


def signals(texts: list[bytes]) -> pa.Table:
    """The signals of all documents."""
    buffer = TextBuffer(np.frombuffer(b"".join(texts), np.uint8), np.cumsum([0, *map(len, texts)]))
    return signal_table(signals_of(buffer, stop_words=STOP_WORDS, short_line_characters=SHORT))


def judge(texts: list[bytes], words: Sequence[list[str]] | None) -> list[str]:
    """Why each document is dropped; nothing if it is kept. Words are always ours."""
    numbers = signals(texts).append_column("language", pa.array(["en"] * len(texts)))
    policy = Policy.from_params(LIMITS, cut=None)
    first = policy.judge(numbers).first.tolist()
    return ["" if place == PASSED else str(policy.reasons[place]) for place in first]


def judge_published(texts: list[bytes], words: Sequence[list[str]] | None) -> list[str]:
    """All reasons against each document at the published limits, with spaces between. Words are always ours."""
    numbers = signals(texts).append_column("language", pa.array(["en"] * len(texts)))
    policy = Policy.from_params(PUBLISHED, cut=None)
    broken = policy.judge(numbers).broken
    names = [_SYMBOLS.get(reason, str(reason)) for reason in policy.reasons]
    return [" ".join(dict.fromkeys(names[place] for place in np.flatnonzero(row))) for row in broken]


if __name__ == "__main__":
    serve(System(signals, judge=judge_published if sys.argv[2:] == ["published"] else judge, encoded=True))
