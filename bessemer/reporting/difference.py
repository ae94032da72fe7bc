"""What differs between two texts, word by word, for two near duplicates shown side by side."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

_PIECES = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|\w+|\s+|[^\w\s]")


@dataclass(frozen=True)
class Piece:
    """A run of text that both sides share, or that only this side has."""

    text: str
    same: bool


def mark_differences(left: str, right: str) -> tuple[list[Piece], list[Piece]]:
    """Both texts cut into runs that are shared or not. The runs of a side, joined, are that side.

    Words are compared; characters where a script has no spaces. Quadratic in the number of words, so meant for
    excerpts.
    """
    a, b = _PIECES.findall(left), _PIECES.findall(right)
    one: list[Piece] = []
    two: list[Piece] = []
    for tag, a_from, a_to, b_from, b_to in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if a_to > a_from:
            one.append(Piece("".join(a[a_from:a_to]), tag == "equal"))
        if b_to > b_from:
            two.append(Piece("".join(b[b_from:b_to]), tag == "equal"))
    return one, two
