"""Every signal counted again from its definition, in plain Python: slow, and nothing shared with the kernels."""

import math
import re
from collections import Counter

import regex

from bessemer.text.words import split

TERMINAL = regex.compile(r"[\p{Sentence_Terminal}៖៙៚]\Z")
SENTENCE_END = re.compile(r"(?:[.!?…؟۔।॥።։។៕]+[\"'”’»)\]]*(?=\s|$))|[。！？｡]+")
QUOTED = tuple('.!?"”')
BULLETS, DASHES = tuple("•‣▪▫●◦∙·▶◀■□"), tuple("*-–—")
TOP_SIZES, DUPLICATE_SIZES = (2, 3, 4), (5, 6, 7, 8, 9, 10)


def slow_signals(text: str, stop_words: list[str], short: int) -> dict[str, float]:
    """The signals of one text."""
    return _words(text, stop_words) | _lines(text, short) | _repetition(text) | _redpajama(text, stop_words)


def _over(part: float, whole: float) -> float:
    return part / max(whole, 1)


def _anywhere(phrase: str, text: str) -> int:
    return len(re.findall(phrase, text, re.IGNORECASE | re.ASCII))


def _text_lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip()]


def _words(text: str, stop_words: list[str]) -> dict[str, float]:
    words = split(text)
    count = len(words)
    return {
        "words": count,
        "characters": len(text),
        "mean_word_length": _over(sum(map(len, words)), count),
        "hashes_per_word": _over(text.count("#"), count),
        "ellipses_per_word": _over(text.count("...") + text.count("…"), count),
        "newlines_per_word": _over(text.count("\n"), count),
        "alphabetic_word_fraction": _over(sum(any(map(str.isalpha, word)) for word in words), count),
        "stop_words": len(set(words) & set(stop_words)),
        "sentences": len(SENTENCE_END.findall(text)),
        "lorem_ipsum": _anywhere("lorem ipsum", text),
        "curly_brackets": text.count("{"),
    }


def _is_bullet(line: str) -> bool:
    line = line.lstrip()
    return line.startswith(BULLETS) or (line.startswith(DASHES) and line[1:2].isspace())


def _lines(text: str, short: int) -> dict[str, float]:
    lines, every = _text_lines(text), text.removesuffix("\n").split("\n") if text else []
    return {
        "lines": len(lines),
        "bullet_line_fraction": _over(sum(map(_is_bullet, every)), len(every)),
        "ellipsis_line_fraction": _over(sum(line.rstrip().endswith(("...", "…")) for line in every), len(every)),
        "javascript_line_fraction": _over(sum(bool(_anywhere("javascript", line)) for line in lines), len(lines)),
        "terminal_line_fraction": _over(sum(bool(TERMINAL.search(line)) for line in lines), len(lines)),
        "quoted_terminal_line_fraction": _over(
            sum(line.rstrip().endswith(tuple('.!?"”')) for line in lines), len(lines)
        ),
        "short_line_fraction": _over(sum(len(line) < short for line in lines), len(lines)),
        "rps_lines_num_words": _over(len(split(text)), len(lines)),
    }


def _paragraphs(text: str) -> list[str]:
    paragraphs: list[list[str]] = [[]]
    for line in text.split("\n"):
        if line.strip():
            paragraphs[-1].append(line)
        else:
            paragraphs.append([])
    return ["\n".join(lines) for lines in paragraphs if lines]


def _duplicates(parts: list[str]) -> tuple[int, int]:
    again = [part for place, part in enumerate(parts) if part in parts[:place]]
    return len(again), sum(map(len, again))


def _repetition(text: str) -> dict[str, float]:
    lines, paragraphs, words = _text_lines(text), _paragraphs(text), split(text)
    line_count, line_characters = _duplicates(lines)
    paragraph_count, paragraph_characters = _duplicates(paragraphs)
    return {
        "duplicate_line_fraction": _over(line_count, len(lines)),
        "duplicate_line_characters": _over(line_characters, len(text.replace("\n", ""))),
        "duplicate_paragraph_fraction": _over(paragraph_count, len(paragraphs)),
        "duplicate_paragraph_characters": _over(paragraph_characters, len(text)),
        **{f"top_{n}_gram_characters": min(1.0, _over(_top(words, n, " "), len(text))) for n in TOP_SIZES},
        **{f"duplicate_{n}_gram_characters": _over(_passed_over(words, n), len(text)) for n in DUPLICATE_SIZES},
    }


def _grams(words: list[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(words[place : place + n]) for place in range(len(words) - n + 1)]


def _top(words: list[str], n: int, separator: str) -> int:
    counts = Counter(_grams(words, n))
    if not counts or max(counts.values()) < 2:
        return 0
    gram, count = counts.most_common(1)[0]
    return len(separator.join(gram)) * count


def _passed_over(words: list[str], n: int) -> int:
    met: set[tuple[str, ...]] = set()
    characters = place = 0
    while place + n <= len(words):
        gram = tuple(words[place : place + n])
        if gram in met:
            characters += sum(map(len, gram))
            place += n
        else:
            met.add(gram)
            place += 1
    return characters


def _covered(words: list[str], n: int) -> int:
    grams = _grams(words, n)
    counts = Counter(grams)
    covered = {place + i for place, gram in enumerate(grams) if counts[gram] > 1 for i in range(n)}
    return sum(len(words[place]) for place in covered)


def _redpajama(text: str, stop_words: list[str]) -> dict[str, float]:
    words, tokens = split(text), re.findall(r"\w+|[^\w\s]+", text)
    counts, inside = Counter(words), len(text.replace("\n", ""))
    symbols = text.count("#") + text.count("...") + text.count("…")
    characters = sum(map(len, words))
    return {
        "rps_doc_num_sentences": len(re.findall(r"\b[^.!?]+[.!?]*", text)),
        "rps_doc_symbol_to_word_ratio": _over(symbols, len(tokens)),
        "rps_doc_frac_no_alph_words": _over(sum(not re.search("[a-zA-Z]", token) for token in tokens), len(tokens)),
        "rps_doc_frac_all_caps_words": _over(sum(map(str.isupper, tokens)), len(tokens)),
        "rps_doc_frac_unique_words": _over(len(counts), len(words)),
        "rps_doc_unigram_entropy": sum(-n / len(words) * math.log(n / len(words)) for n in counts.values()),
        "rps_doc_stop_word_fraction": _over(sum(word in stop_words for word in words), len(words)),
        "rps_doc_curly_bracket": _over(text.count("{") + text.count("}"), len(text)),
        "rps_doc_lorem_ipsum": _over(_anywhere("lorem ipsum", text), len(text)),
        "rps_lines_uppercase_letter_fraction": _over(sum(map(str.isupper, text)), inside),
        "rps_lines_numerical_chars_fraction": _over(sum(map(str.isnumeric, text)), inside),
        **{f"rps_doc_frac_chars_top_{n}gram": _over(_top(words, n, ""), characters) for n in TOP_SIZES},
        **{f"rps_doc_frac_chars_dupe_{n}grams": _over(_covered(words, n), characters) for n in DUPLICATE_SIZES},
    }
