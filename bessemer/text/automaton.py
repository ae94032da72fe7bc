"""Tokens, sentences and letters of RedPajama-v2, counted by a finite automaton: one look into a table a character.

A token is a match of ``\\w+|[^\\w\\s]+`` (NLTK's WordPunctTokenizer), a sentence one of ``\\b[^.!?]+[.!?]*``.
Branches on what a character is could not be foreseen where words begin and end, and would take most of the time.
"""

import functools
import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bessemer.text.traits import CASED, KIND, LATIN, NUMERIC, RARE, SPACE, STOP, UPPER, WORD, traits

FIELD_BITS = 8
"""Bits of each of the counts in a step, so that a sum of 255 steps holds."""
STATE_BITS = 16
"""Bits of a step below its counts: the place of the row of the next state."""
TOKENS, LATIN_TOKENS, CAPITAL_TOKENS, UPPERS, NUMERICS, SENTENCES = range(6)
"""Counts of a step, from the lowest bits on."""
CLASS = 31
"""The bits of an entry of ``classes`` that hold the class of the character."""
MARK = 128
"""The bit that says that something else is counted of the character too."""

_OF_CLASS = KIND | LATIN | UPPER | CASED | NUMERIC | STOP


class Automaton(NamedTuple):
    """Tables for kernels.

    Attributes:
        classes: shape (0x110000,), uint8: class of each code point, and perhaps ``MARK``.
        steps: shape (states * 32,), uint64: counts and next row, by row plus class.
        space: the class of white space.
    """

    classes: NDArray[np.uint8]
    steps: NDArray[np.uint64]
    space: int


class _State(NamedTuple):
    """What is known before a character: the kind of the token it may belong to, what that has, and the sentence."""

    kind: int
    has: int
    inside: bool


_START = _State(SPACE, 0, False)


@functools.cache
def automaton() -> Automaton:
    """The tables; a text begins in row 0."""
    table = traits()
    kinds, classes = np.unique(table & np.uint32(_OF_CLASS), return_inverse=True)
    assert len(kinds) <= CLASS + 1
    marked = np.where(table & np.uint32(RARE), MARK, 0)
    marked[ord("\n")] = MARK
    states = [
        _State(kind, has, inside)
        for inside, (kind, has) in itertools.product((False, True), itertools.product(range(3), _possible()))
        if kind == WORD or not has
    ]
    rows = {state: (CLASS + 1) * number for number, state in enumerate(states)}
    assert rows[_START] == 0
    steps = np.zeros(len(states) * (CLASS + 1), np.uint64)
    for state, row in rows.items():
        for number, kind in enumerate(kinds.tolist()):
            following, counted = _step(state, kind)
            fields = sum(count << STATE_BITS + FIELD_BITS * field for field, count in enumerate(counted))
            steps[row + number] = rows[following] | fields
    return Automaton((classes.reshape(-1) | marked).astype(np.uint8), steps, int(classes.reshape(-1)[ord(" ")]))


def _possible() -> list[int]:
    """What tokens may have: any of an ASCII letter, an upper-case character and another one with case."""
    return [latin | upper | cased for latin in (0, LATIN) for upper in (0, UPPER) for cased in (0, CASED)]


def _step(state: _State, trait: int) -> tuple[_State, tuple[int, ...]]:
    """The state after a character of these traits, and what it adds to the counts in their order."""
    kind = trait & KIND
    new = kind != state.kind
    ended = new and state.kind == WORD
    begins = not state.inside and kind == WORD
    has = trait & (LATIN | UPPER | CASED) | (0 if new else state.has) if kind == WORD else 0
    counted = (
        new and kind != SPACE,
        ended and bool(state.has & LATIN),
        ended and state.has & (UPPER | CASED) == UPPER,
        bool(trait & UPPER),
        bool(trait & NUMERIC),
        begins,
    )
    inside = (state.inside or begins) and not trait & STOP
    return _State(kind, has, inside), tuple(map(int, counted))
