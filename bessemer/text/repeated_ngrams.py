"""Words of a document and its repeated n-grams, from the shortest to the longest.

A repeated n-gram is two repeated (n-1)-grams a word apart. So each size is looked for among the places of the one
before only, and its n-grams are told by the two numbers of those: two n-grams count as one where all word hashes agree.
"""

import math

import numpy as np
from numpy.typing import NDArray

from bessemer.text.ascii_words import eight_bytes
from bessemer.text.compiled import kernel
from bessemer.text.groups import clear, count_of, number_of
from bessemer.text.measure import DUPLICATE_SIZES, TOP_SIZES, Counted, Work
from bessemer.text.scan import at_end, restart, scan_words
from bessemer.text.traits import LETTER, PARTS_SHIFT
from bessemer.text.utf8 import decode

_HIGH = np.uint64(0x8080808080808080)
_LETTER_BIT = np.uint64(0x4040404040404040)
_SMALLEST_TOP, _LARGEST_TOP = TOP_SIZES[0], TOP_SIZES[-1]
_SMALLEST_DUPLICATE, _LARGEST = DUPLICATE_SIZES[0], DUPLICATE_SIZES[-1]


@kernel
def count_words(data: NDArray[np.uint8], start: int, end: int, work: Work, counts: NDArray[np.int64]) -> None:
    """Add what is counted of words to a row; their hashes and lengths are in ``work`` afterwards."""
    words, characters, lettered = 0, 0, 0
    restart(work.state, start)
    work.before[0] = 0
    while not at_end(work.state, end):
        made = scan_words(data, end, work.tables, work.state, work.block, work.starts, work.ends)
        for place in range(made):
            length, letter = _measure(data, work.starts[place], work.ends[place], work.traits)
            characters += length
            lettered += letter
            work.hashes[words] = work.block[place]
            words += 1
            work.before[words] = characters
    counts[Counted.WORDS] = words
    counts[Counted.WORD_CHARACTERS] = characters
    counts[Counted.LETTERED_WORDS] = lettered


@kernel
def _measure(data: NDArray[np.uint8], start: int, end: int, table: NDArray[np.uint32]) -> tuple[int, bool]:
    """Code points of a word without case, and whether one of them is alphabetic."""
    size = end - start
    if 0 < size <= 8 and start + 8 <= len(data):
        piece = eight_bytes(data, start) & (~np.uint64(0) >> np.uint64(8 * (8 - size)))
        if piece & _HIGH == 0:
            return size, piece & _LETTER_BIT != 0
    length, letter, position = 0, False, start
    while position < end:
        code, width = decode(data, position, end)
        trait = table[np.uint64(code)]
        length += 1 + int(trait >> np.uint32(PARTS_SHIFT))
        letter |= trait & LETTER != 0
        position += width
    return length, letter


@kernel
def count_ngrams(work: Work, stop_words: NDArray[np.uint64], counts: NDArray[np.int64]) -> float:
    """Add what is counted of repeated words and n-grams to a row, after :func:`count_words`.

    Args:
        work: holds the document's words.
        stop_words: hashes of words to look for.
        counts: the row.

    Returns:
        The entropy of the distribution of words, in nats.
    """
    words = counts[Counted.WORDS]
    shift, used, groups = clear(work.groups, words), 0, work.groups
    for place in range(words):
        number = number_of(groups, shift, used, work.hashes[place], place)
        used = max(used, number + 1)
        work.places[place], work.numbers[place] = place, number
    counts[Counted.DISTINCT_WORDS] = used
    for word in stop_words:
        found = count_of(groups, shift, word)
        counts[Counted.STOP_WORDS] += found > 0
        counts[Counted.STOP_WORD_OCCURRENCES] += found
    entropy = _entropy(groups.counts, used, words)
    left = _keep_repeated(work, words)
    for n in range(2, _LARGEST + 1):
        left, used = _lengthen(work, left)
        if left == 0:
            break
        if _SMALLEST_TOP <= n <= _LARGEST_TOP:
            _count_commonest(work, used, n, counts)
        if n >= _SMALLEST_DUPLICATE:
            _count_duplicates(work, left, n, counts)
    return entropy


@kernel
def _entropy(counts: NDArray[np.int32], used: int, total: int) -> float:
    """The sum of ``-p log p`` over shares ``p`` of a total."""
    if total == 0:
        return 0.0
    part = 0.0
    for number in range(used):
        if counts[number] > 1:
            part += counts[number] * math.log(counts[number])
    return math.log(total) - part / total


@kernel
def _lengthen(work: Work, left: int) -> tuple[int, int]:
    """From the places of repeated (n-1)-grams to those of repeated n-grams.

    Returns:
        How many places these are, and how many numbers were given.
    """
    places, numbers = work.places, work.numbers
    shift, used, made = clear(work.groups, left), 0, 0
    for at in range(left - 1):
        if places[at + 1] == places[at] + 1:
            key = np.uint64(numbers[at]) << np.uint64(32) | np.uint64(numbers[at + 1])
            number = number_of(work.groups, shift, used, key, places[at])
            used = max(used, number + 1)
            places[made], numbers[made] = places[at], number
            made += 1
    return _keep_repeated(work, made), used


@kernel
def _keep_repeated(work: Work, made: int) -> int:
    """Leave out places of n-grams that occur once; returns how many stay."""
    kept = 0
    for at in range(made):
        number = work.numbers[at]
        work.places[kept], work.numbers[kept] = work.places[at], number
        kept += work.groups.counts[number] > 1
    return kept


@kernel
def _count_commonest(work: Work, used: int, n: int, counts: NDArray[np.int64]) -> None:
    """Occurrences and characters of the n-gram that occurs most often; of several, that which comes first."""
    best = 0
    for number in range(used):
        if work.groups.counts[number] > work.groups.counts[best]:
            best = number
    first = work.groups.firsts[best]
    column = n - _SMALLEST_TOP
    counts[Counted.TOP_OCCURRENCES + column] = work.groups.counts[best]
    counts[Counted.TOP_CHARACTERS + column] = work.before[first + n] - work.before[first]


@kernel
def _count_duplicates(work: Work, left: int, n: int, counts: NDArray[np.int64]) -> None:
    """Characters passed over as duplicates from left to right, and those in any occurrence of repeated n-grams."""
    passed, covered, free, uncovered = 0, 0, 0, 0
    for at in range(left):
        place, number = work.places[at], work.numbers[at]
        last = work.before[place + n]
        covered += last - work.before[max(place, uncovered)]
        uncovered = place + n
        if place < free:
            continue
        if work.groups.counts[number] < 0:
            passed += last - work.before[place]
            free = place + n
        else:
            work.groups.counts[number] = -1  # this n-gram was met
    column = n - _SMALLEST_DUPLICATE
    counts[Counted.PASSED + column] = passed
    counts[Counted.COVERED + column] = covered
