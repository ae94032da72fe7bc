"""What each character is to a word, and what it becomes without case: tables over all code points."""

import contextlib
import functools
import tempfile
import unicodedata
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import regex
from numpy.typing import NDArray

from bessemer.text.kernel_folder import kernel_folder

CODE_POINTS = 0x110000

ALONE_SCRIPTS = (
    r"\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}"
    r"\p{Script=Myanmar}\uac00-\ud7a3"
)
"""The inside of a regular expression's set: characters of scripts written without spaces, each a word by itself."""

SEPARATOR = 0
LETTER = 1
"""A letter or number: extends a run, else starts one."""
MARK = 2
"""Extends a run or a character that stands alone, else starts a run."""
ALONE = 3
"""A letter or number of a script written without spaces: starts a word."""
ALONE_MARK = 4
"""A mark of such a script: extends a character that stands alone, else starts a word like one."""
CLASS = 7
"""The bits of an entry that hold one of the above."""
FOLDS = 8
"""Without case it is another character, or several: look into ``folded`` and take the class of those."""
SPACE = 16
"""White space as ``str.split`` has it."""

OUTSIDE = 0
RUN = 1
CHARACTER = 2
"""Kinds of open word: none; a run; a character that stands alone, with its marks."""
KINDS = 3
ENDS = 4
BEGINS = 8
"""Bits of a step: the kind of word that is open after it; an open word ends before it; one begins with it."""

_PLANES = ((0, 0x40000), (0xE0000, 0xF0000))
"""Where Unicode has assigned any characters but private ones."""
_LETTERS = regex.compile(rf"[[\p{{L}}\p{{N}}]--[{ALONE_SCRIPTS}]]+", regex.V1)
_MARKS = regex.compile(rf"[\p{{M}}--[{ALONE_SCRIPTS}]]+", regex.V1)
_ALONE_LETTERS = regex.compile(rf"[[\p{{L}}\p{{N}}]&&[{ALONE_SCRIPTS}]]+", regex.V1)
_ALONE_MARKS = regex.compile(rf"[\p{{M}}&&[{ALONE_SCRIPTS}]]+", regex.V1)


class Characters(NamedTuple):
    """Tables for kernels.

    Attributes:
        classes: shape (0x110000,), uint8: a class, and perhaps ``FOLDS`` and ``SPACE``.
        folded: shape (0x110000,), uint16: row of ``foldings`` for a character that ``FOLDS``.
        foldings: shape (rows, 3), uint32: ``str.casefold`` of it, filled up with 0.
        steps: shape (3, 5), uint8: what a character of a class does to the kind of word that is open.
        ascii_word: shape (256,), uint8: a byte that is an ASCII letter or digit, without case; else 0.
        ascii_text: shape (256,), uint8: an ASCII byte without case, 0x20 for white space; 0 for NUL and the rest.
    """

    classes: NDArray[np.uint8]
    folded: NDArray[np.uint16]
    foldings: NDArray[np.uint32]
    steps: NDArray[np.uint8]
    ascii_word: NDArray[np.uint8]
    ascii_text: NDArray[np.uint8]


@functools.cache
def characters() -> Characters:
    """The tables of this Python's case folding and the regex package's properties, kept beside the kernels."""
    folder = kernel_folder()
    if folder is None:
        return make_characters()
    path = folder / f"characters-{unicodedata.unidata_version}-{regex.__version__}.npz"
    with contextlib.suppress(OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile), np.load(path) as kept:
        return Characters(**{name: kept[name] for name in Characters._fields})
    made = make_characters()
    with contextlib.suppress(OSError), tempfile.TemporaryDirectory(dir=folder) as scratch:
        whole = Path(scratch) / path.name
        np.savez(whole, **made._asdict())
        whole.replace(path)
    return made


def make_characters() -> Characters:
    """The tables, made anew."""
    everything = np.arange(CODE_POINTS, dtype="<u4")
    everything[0xD800:0xE000] = 0  # surrogates are no text
    text = everything.tobytes().decode("utf-32-le")
    classes = np.zeros(CODE_POINTS, np.uint8)
    for pattern, kind in ((_LETTERS, LETTER), (_MARKS, MARK), (_ALONE_LETTERS, ALONE), (_ALONE_MARKS, ALONE_MARK)):
        for start, end in _PLANES:
            for match in pattern.finditer(text, start, end):
                classes[match.start() : match.end()] = kind
    folded = np.zeros(CODE_POINTS, np.uint16)
    foldings: list[list[int]] = [[0, 0, 0]]
    for place, character in _candidates(text):
        folding = character.casefold()
        if character.isspace():
            classes[place] |= SPACE
        if folding != character:
            classes[place] |= FOLDS
            folded[place] = len(foldings)
            foldings.append([*map(ord, folding), 0, 0][:3])
    ascii_word, ascii_text = np.zeros(256, np.uint8), np.zeros(256, np.uint8)
    for code in range(1, 128):
        lower = ord(chr(code).lower())
        ascii_word[code] = lower if chr(code).isalnum() else 0
        ascii_text[code] = 0x20 if chr(code).isspace() else lower
    return Characters(classes, folded, np.array(foldings, np.uint32), _steps(), ascii_word, ascii_text)


def _candidates(text: str) -> Iterator[tuple[int, str]]:
    """Places and characters of the stretches of 256 in which some character folds or is white space: few do."""
    for start in range(0, CODE_POINTS, 256):
        stretch = text[start : start + 256]
        if stretch.casefold() != stretch or stretch.split() != [stretch]:
            yield from enumerate(stretch, start)


def _steps() -> NDArray[np.uint8]:
    extends = {(RUN, LETTER), (RUN, MARK), (CHARACTER, MARK), (CHARACTER, ALONE_MARK)}
    begun = {LETTER: RUN, MARK: RUN, ALONE: CHARACTER, ALONE_MARK: CHARACTER}
    steps = np.zeros((3, 5), np.uint8)
    for kind in (OUTSIDE, RUN, CHARACTER):
        for entry in (SEPARATOR, LETTER, MARK, ALONE, ALONE_MARK):
            if (kind, entry) in extends:
                steps[kind, entry] = kind
            else:
                ends = ENDS if kind != OUTSIDE else 0
                steps[kind, entry] = ends | (BEGINS | begun[entry] if entry != SEPARATOR else OUTSIDE)
    return steps
