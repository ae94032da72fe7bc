"""What is counted of each document, as rows of integers, with memory for one document at a time.

Words are those of :func:`bessemer.text.words.split`, lines what line feeds end, paragraphs what lies between lines of
nothing but white space. Lines and paragraphs are compared as they stand, white space at their ends included.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bessemer.text.automaton import Automaton, automaton
from bessemer.text.characters import Characters, characters
from bessemer.text.groups import Groups, new_groups
from bessemer.text.rolling import BLOCK
from bessemer.text.scan import new_state
from bessemer.text.traits import traits

TOP_SIZES = (2, 3, 4)
"""Words in the n-grams of which the commonest is looked for."""
DUPLICATE_SIZES = (5, 6, 7, 8, 9, 10)
"""Words in the n-grams that are looked for again."""


class Counted(IntEnum):
    """Columns of a row of counts."""

    CHARACTERS = 0  # code points
    NEWLINES = 1
    HASHES = 2  # number signs
    ELLIPSES = 3  # "…", and "..." without overlap
    OPENING_CURLY = 4
    CURLY = 5  # curly brackets, opening or closing
    SENTENCES = 6  # full stops (and closing marks) before white space or the end; runs of ideographic full stops
    STOPPED = 7  # matches of \b[^.!?]+[.!?]*
    TOKENS = 8  # matches of \w+|[^\w\s]+
    LATIN_TOKENS = 9  # those with an ASCII letter
    CAPITAL_TOKENS = 10  # those that str.isupper
    UPPER = 11  # characters that str.isupper
    NUMERIC = 12  # characters that str.isnumeric
    LINES = 13  # a line feed at the end of a text begins no line
    TEXT_LINES = 14  # lines that are not blank; the columns down to TEXT_LINE_DUPLICATES count among these
    BULLET_LINES = 15
    ELLIPSIS_LINES = 16
    JAVASCRIPT_LINES = 17
    TERMINAL_LINES = 18  # end with a character of Sentence_Terminal, as they stand
    QUOTED_LINES = 19  # end with . ! ? " or ”, but for white space
    SHORT_LINES = 20
    DUPLICATE_LINES = 21  # occurred before
    DUPLICATE_LINE_CHARACTERS = 22
    PARAGRAPHS = 23
    DUPLICATE_PARAGRAPHS = 24
    DUPLICATE_PARAGRAPH_CHARACTERS = 25  # line feeds inside included
    LOREM_IPSUM = 26
    WORDS = 27
    WORD_CHARACTERS = 28  # code points of words without case
    LETTERED_WORDS = 29  # with an alphabetic character
    DISTINCT_WORDS = 30
    STOP_WORDS = 31  # distinct stop words that occur
    STOP_WORD_OCCURRENCES = 32
    TOP_OCCURRENCES = 33  # of the commonest n-gram, the first of several: one column for each of TOP_SIZES
    TOP_CHARACTERS = 36  # of the words of that n-gram, once; 0 if no n-gram comes twice
    PASSED = 39  # characters of duplicates passed over from left to right: one column for each of DUPLICATE_SIZES
    COVERED = 45  # characters of words in n-grams that come twice or more: likewise
    COLUMNS = 51


class Work(NamedTuple):
    """What a document is measured with, used again for the next one.

    Attributes:
        tables: of characters, for words.
        traits: of characters, for marks and lines.
        automaton: of characters, for tokens, sentences and letters.
        phrases: ``javascript`` and ``lorem ipsum``, as bytes.
        state: of the scan for words.
        block: hashes of a block of words.
        starts, ends: first byte of each, and one after its last.
        hashes: shape (words,): of a whole document.
        before: shape (words + 1,): characters of all words before each.
        places, numbers: shape (words,): where repeated n-grams begin, and the number of each.
        line: what was read of a line.
        groups, others: to tell equal things by.
    """

    tables: Characters
    traits: NDArray[np.uint32]
    automaton: Automaton
    phrases: tuple[NDArray[np.uint8], NDArray[np.uint8]]
    state: NDArray[np.int64]
    block: NDArray[np.uint64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    hashes: NDArray[np.uint64]
    before: NDArray[np.int32]
    places: NDArray[np.int32]
    numbers: NDArray[np.int32]
    line: NDArray[np.int64]
    groups: Groups
    others: Groups


LINE_PLACES = 4


def new_work(longest: int) -> Work:
    """Room for documents of at most ``longest`` bytes; memory that a document has no use for is not taken."""
    room = longest // 2 + 2  # words, and lines that are not blank: each but the last has a separator
    phrases = (np.frombuffer(b"javascript", np.uint8), np.frombuffer(b"lorem ipsum", np.uint8))
    return Work(
        tables=characters(),
        traits=traits(),
        automaton=automaton(),
        phrases=phrases,
        state=new_state(),
        block=np.empty(BLOCK, np.uint64),
        starts=np.empty(BLOCK, np.int64),
        ends=np.empty(BLOCK, np.int64),
        hashes=np.empty(room, np.uint64),
        before=np.empty(room + 1, np.int32),
        places=np.empty(room, np.int32),
        numbers=np.empty(room, np.int32),
        line=np.zeros(LINE_PLACES, np.int64),
        groups=new_groups(room),
        others=new_groups(room),
    )
