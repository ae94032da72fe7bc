"""Counting characters, marks, sentences, lines and paragraphs of a document: one pass over its characters.

What is called for every line is given the arrays that it reads, not all of :class:`bessemer.text.measure.Work`: numba
counts references to each array of a tuple at a call, which would take longer than reading the line.
"""

import numpy as np
from numpy.typing import NDArray

from bessemer.text.ascii_words import eight_bytes
from bessemer.text.automaton import CLASS, FIELD_BITS, MARK, STATE_BITS, Automaton
from bessemer.text.compiled import kernel
from bessemer.text.groups import clear, number_of
from bessemer.text.measure import Counted, Work
from bessemer.text.parts import NEWLINE
from bessemer.text.phrases import find_phrase
from bessemer.text.traits import (
    BULLET,
    CLOSING,
    COUNTED,
    DASH,
    FULL_STOP,
    IDEOGRAPHIC_STOP,
    KIND,
    QUOTED_STOP,
    SPACE,
    TERMINAL,
)
from bessemer.text.utf8 import decode
from bessemer.text.word_hash import SEED, mix64

LENGTH, TEXT_END, LAST_TRAIT, ROW = range(4)
"""What is known of a line: characters; the byte after the last one that is no white space; the traits of that; the row
of the automaton that the next line begins in."""
_NOWHERE, _STOPPED, _CLOSED, _IDEOGRAPHIC = range(4)
_TOGETHER = 240
"""Bytes whose steps are summed: each adds at most one to a field."""
_ROWS = np.uint64((1 << STATE_BITS) - 1)
_FIELDS = (
    Counted.TOKENS,
    Counted.LATIN_TOKENS,
    Counted.CAPITAL_TOKENS,
    Counted.UPPER,
    Counted.NUMERIC,
    Counted.STOPPED,
)
_DOT, _ELLIPSIS, _HASH, _OPENING = 0x2E, 0x2026, 0x23, 0x7B
_JAVASCRIPT_ANCHOR, _LOREM_ANCHOR = 0, 7
"""Where the rarest letters of the phrases are."""


@kernel
def count_lines(
    data: NDArray[np.uint8], start: int, end: int, work: Work, short: int, counts: NDArray[np.int64]
) -> None:
    """Add what is counted of characters, lines and paragraphs to a row of zeros.

    Args:
        data: bytes of texts; this one is those from ``start`` to ``end``.
        work: room for it.
        short: a line with fewer characters is short.
        counts: the row.
    """
    table, line, groups, paragraphs, javascript = work.traits, work.line, work.groups, work.others, work.phrases[0]
    lines = 0
    for place in range(start, end):
        lines += data[place] == NEWLINE
    shift, other_shift = clear(groups, lines + 1), clear(paragraphs, lines + 1)
    used, others, hashed, length = 0, 0, SEED, -1
    position, script = start, -1
    line[ROW] = 0
    while position < end:
        first = position
        position = _read_line(data, first, end, work.automaton, table, line, counts)
        last = position - (data[position - 1] == NEWLINE)
        counts[Counted.LINES] += 1
        if line[TEXT_END] != first:
            if script < last and script < end:
                script = find_phrase(data, first, end, javascript, _JAVASCRIPT_ANCHOR)
            counts[Counted.JAVASCRIPT_LINES] += script < last
            _count_line(data, first, last, table, line, short, counts)
            key = _hash(data, first, last)
            number = number_of(groups, shift, used, key, 0)
            if number < used:
                counts[Counted.DUPLICATE_LINES] += 1
                counts[Counted.DUPLICATE_LINE_CHARACTERS] += line[LENGTH]
            used = max(used, number + 1)
            hashed, length = mix64(hashed ^ key), length + line[LENGTH] + 1
        if length >= 0 and (line[TEXT_END] == first or position == end):
            number = number_of(paragraphs, other_shift, others, hashed, 0)
            counts[Counted.PARAGRAPHS] += 1
            if number < others:
                counts[Counted.DUPLICATE_PARAGRAPHS] += 1
                counts[Counted.DUPLICATE_PARAGRAPH_CHARACTERS] += length
            others, hashed, length = max(others, number + 1), SEED, -1
    counts[Counted.NEWLINES] = lines
    counts[Counted.LOREM_IPSUM] = _occurrences(data, start, end, work.phrases[1])


@kernel
def _read_line(
    data: NDArray[np.uint8],
    position: int,
    end: int,
    tables: Automaton,
    table: NDArray[np.uint32],
    line: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> int:
    """Read a line with the line feed that ends it, without a branch where characters are ordinary.

    Returns:
        The first byte of the next line.
    """
    classes, steps, space = tables
    row, state, dots, length = line[ROW], _NOWHERE, 0, 0
    byte, start = np.uint8(0), position
    while position < end and byte != NEWLINE:
        total = np.uint64(0)
        stop = min(end, position + _TOGETHER)
        while position < stop:
            byte, size = data[np.uint64(position)], 1
            code = np.int64(byte)
            if byte >= 0x80:
                code, size = decode(data, position, end)
            entry = classes[np.uint64(code)]
            position += size
            length += 1
            step = steps[np.uint64(row) + np.uint64(entry & CLASS)]
            row = np.int64(step & _ROWS)
            total += step >> np.uint64(STATE_BITS)
            if state | (entry & MARK):
                if byte == NEWLINE:
                    break
                state, dots = _after_mark(state, dots, int(table[np.uint64(code)]), code, counts)
        if byte != NEWLINE and position == end:
            step = steps[row + space]  # the end of a text ends a token as white space does
            row, total = np.int64(step & _ROWS), total + (step >> np.uint64(STATE_BITS))
        _add_fields(total, counts)
    counts[Counted.SENTENCES] += _STOPPED <= state <= _CLOSED
    counts[Counted.CHARACTERS] += length
    line[LENGTH], line[ROW] = length - (byte == NEWLINE), row
    _find_end(data, start, position - (byte == NEWLINE), table, line)
    return position


@kernel
def _add_fields(total: np.uint64, counts: NDArray[np.int64]) -> None:
    """Add the sum of some steps to a row of counts."""
    for field in range(len(_FIELDS)):
        counts[_FIELDS[field]] += np.int64((total >> np.uint64(FIELD_BITS * field)) & np.uint64(0xFF))


@kernel
def _find_end(
    data: NDArray[np.uint8], start: int, end: int, table: NDArray[np.uint32], line: NDArray[np.int64]
) -> None:
    """Find the last character of a line that is no white space: where it ends, which is ``start`` if there is none."""
    last = end
    while last > start and data[last - 1] < 0x80 and table[data[last - 1]] & KIND == SPACE:
        last -= 1
    line[TEXT_END], line[LAST_TRAIT] = last, 0
    if last == start:
        return
    position = last - 1
    while position > start and data[position] >= 0x80:  # an ASCII byte is a character whatever stands before it
        position -= 1
    line[TEXT_END] = start
    while position >= start:
        place = position
        while place < last:
            code, size = decode(data, place, end)
            place += size
            if table[np.uint64(code)] & KIND != SPACE:
                line[TEXT_END], line[LAST_TRAIT] = place, table[np.uint64(code)]
        if line[TEXT_END] != start or position == start:
            return
        position -= 1
        while position > start and data[position] >= 0x80:
            position -= 1


@kernel
def _after_mark(state: int, dots: int, trait: int, code: np.int64, counts: NDArray[np.int64]) -> tuple[int, int]:
    """Count a mark or what follows one.

    Returns:
        Where the character stands now: after the full stops of a sentence, after closing marks behind them, in a run
        of ideographic full stops, or nowhere of interest; and how many dots of an ellipsis came last.
    """
    counts[Counted.HASHES] += code == _HASH
    counts[Counted.OPENING_CURLY] += code == _OPENING
    counts[Counted.CURLY] += (trait & COUNTED != 0) & (code != _HASH)
    dots = dots + 1 if code == _DOT else 0
    if dots == 3 or code == _ELLIPSIS:
        counts[Counted.ELLIPSES] += 1
        dots = 0
    stopped = _STOPPED <= state <= _CLOSED
    if trait & FULL_STOP:
        return _STOPPED, dots
    if trait & CLOSING and stopped:
        return _CLOSED, dots
    if trait & IDEOGRAPHIC_STOP:
        counts[Counted.SENTENCES] += state != _IDEOGRAPHIC
        return _IDEOGRAPHIC, dots
    counts[Counted.SENTENCES] += stopped and trait & KIND == SPACE
    return _NOWHERE, dots


@kernel
def _count_line(
    data: NDArray[np.uint8],
    start: int,
    last: int,
    table: NDArray[np.uint32],
    line: NDArray[np.int64],
    short: int,
    counts: NDArray[np.int64],
) -> None:
    """Count a line that is not blank; its last byte but for a line feed is before ``last``."""
    text_end, trait = line[TEXT_END], line[LAST_TRAIT]
    counts[Counted.TEXT_LINES] += 1
    counts[Counted.BULLET_LINES] += _is_bullet(data, start, last, table)
    counts[Counted.ELLIPSIS_LINES] += _ends_in_ellipsis(data, start, text_end)
    counts[Counted.TERMINAL_LINES] += text_end == last and trait & TERMINAL != 0
    counts[Counted.QUOTED_LINES] += trait & QUOTED_STOP != 0
    counts[Counted.SHORT_LINES] += line[LENGTH] < short


@kernel
def _is_bullet(data: NDArray[np.uint8], start: int, end: int, table: NDArray[np.uint32]) -> bool:
    """Whether the first text of a line is a bullet, or a dash before white space."""
    trait, position = np.uint32(SPACE), start
    while position < end and trait & KIND == SPACE:
        code, size = decode(data, position, end)
        trait = table[np.uint64(code)]
        position += size
    if trait & BULLET:
        return True
    if not trait & DASH or position >= end:
        return False
    code, size = decode(data, position, end)
    return bool(table[np.uint64(code)] & KIND == SPACE)


@kernel
def _ends_in_ellipsis(data: NDArray[np.uint8], start: int, end: int) -> bool:
    """Whether the bytes before ``end`` are three dots or the character of them."""
    if end - start < 3:
        return False
    a, b, c = data[end - 3], data[end - 2], data[end - 1]
    return bool((a == _DOT and b == _DOT and c == _DOT) or (a == 0xE2 and b == 0x80 and c == 0xA6))


@kernel
def _hash(data: NDArray[np.uint8], start: int, end: int) -> np.uint64:
    """The hash of some bytes and how many they are."""
    value = mix64(SEED ^ np.uint64(end - start))
    while end - start >= 8:
        value = mix64(value ^ eight_bytes(data, start))
        start += 8
    piece = np.uint64(0)
    for place in range(start, end):
        piece = piece << np.uint64(8) | np.uint64(data[np.uint64(place)])
    return mix64(value ^ piece)


@kernel
def _occurrences(data: NDArray[np.uint8], start: int, end: int, phrase: NDArray[np.uint8]) -> int:
    """How often a phrase occurs."""
    count, place = 0, find_phrase(data, start, end, phrase, _LOREM_ANCHOR)
    while place < end:
        count += 1
        place = find_phrase(data, place + len(phrase), end, phrase, _LOREM_ANCHOR)
    return count
