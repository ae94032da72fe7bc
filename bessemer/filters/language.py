"""Language identification with fastText: lid.176, which lies beside this module (see its ATTRIBUTION), or another."""

import functools
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import fasttext
import langcodes
import numpy as np
from numpy.typing import NDArray

from bessemer.errors import DataError

MODEL: Final = Path(__file__).parent / "data" / "lid.176.ftz"
MODEL_SHA256: Final = "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83"
UNDETERMINED: Final = "und"
"""ISO 639-2 for text of which nothing can be said, such as an empty one; its score is 0."""
PARAGRAPH_CHARACTERS: Final = 40
"""Shorter paragraphs (headings, names, list items) are too short to tell a language by."""

_LABEL = "__label__"
_WITH_SCRIPT = re.compile(r"[a-z]{2,3}_[A-Z][a-z]{3}")


@functools.cache
def load_model(path: Path = MODEL, sha256: str = MODEL_SHA256) -> Any:
    """A model, once per process.

    Raises:
        DataError: the file is missing, is another one than it should be, or is no fastText model.
    """
    remedy = "restore it from version control" if path == MODEL else "correct language.model in params.yaml"
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        raise DataError(f"{path.name} is missing in {path.parent}; {remedy}.") from None
    if digest != sha256:
        raise DataError(f"{path.name} has SHA-256 {digest[:12]}…, not {sha256[:12]}…; {remedy}.")
    try:
        return fasttext.load_model(str(path))
    except (ValueError, RuntimeError) as error:
        raise DataError(f"{path.name} is no fastText model ({error}); {remedy}.") from None


@dataclass(frozen=True, slots=True)
class Identified:
    """Languages of n documents.

    Attributes:
        languages: of each, the most probable one.
        scores: shape (n,), float32, at most 1: its probability.
        seconds: the second most probable one; None where there is none of half the mean probability of a language.
        second_scores: shape (n,), float32: its probability.
    """

    languages: list[str]
    scores: NDArray[np.float32]
    seconds: list[str | None]
    second_scores: NDArray[np.float32]


def identify(texts: Sequence[str], characters: int, model: Any = None) -> Identified:
    """The most probable languages of each text.

    Args:
        texts: n documents; line breaks count as spaces.
        characters: code points from the start of a text that are read.
        model: of :func:`load_model`; None for lid.176.

    Returns:
        Codes are ISO 639-1 where there is one, else 639-3 or the model's own, such as ``sh``.

    Raises:
        DataError: as for :func:`load_model`.
    """
    lines = [" ".join(text[:characters].split()) for text in texts]
    full = [place for place, line in enumerate(lines) if line]
    languages: list[str] = [UNDETERMINED] * len(lines)
    seconds: list[str | None] = [None] * len(lines)
    scores, second_scores = np.zeros(len(lines), np.float32), np.zeros(len(lines), np.float32)
    if full:
        model = model or load_model()
        least = 0.5 / len(
            model.labels
        )  # below the mean, so that the first is never missed; fastText need not look there
        predicted = model.predict([lines[place] for place in full], k=2, threshold=least)
        for place, labels, probabilities in zip(full, *predicted, strict=True):
            if labels:
                languages[place], scores[place] = code_of(labels[0]), min(1.0, float(probabilities[0]))
            if len(labels) > 1:
                seconds[place], second_scores[place] = code_of(labels[1]), float(probabilities[1])
    return Identified(languages, scores, seconds, second_scores)


def share_of_languages(texts: Sequence[str], languages: Sequence[str], model: Any = None) -> NDArray[np.float32]:
    """Of each text, the share of the characters of its paragraphs that the model takes for its language.

    Args:
        texts: n documents; a paragraph is a line of at least ``PARAGRAPH_CHARACTERS``.
        languages: n codes.
        model: of :func:`load_model`; None for lid.176.

    Returns:
        Shape (n,), float32; nan for a text with fewer than two paragraphs.
    """
    paragraphs: list[str] = []
    owners: list[int] = []
    for place, text in enumerate(texts):
        found = [line for line in text.split("\n") if len(line) >= PARAGRAPH_CHARACTERS]
        if len(found) > 1:
            paragraphs += found
            owners += [place] * len(found)
    if not paragraphs:
        return np.full(len(texts), np.nan, np.float32)
    told = identify(paragraphs, max(map(len, paragraphs)), model).languages
    sizes = np.array([len(paragraph) for paragraph in paragraphs], np.float64)
    own = np.array([code == languages[owner] for code, owner in zip(told, owners, strict=True)], np.float64)
    total = np.bincount(owners, sizes, len(texts))
    with np.errstate(invalid="ignore"):
        return (np.bincount(owners, sizes * own, len(texts)) / total).astype(np.float32)


@functools.cache
def code_of(label: str) -> str:
    """The code for a model's label. ``eng_Latn`` and ``cmn_Hani`` (GlotLID, NLLB) become ``en`` and ``zh``."""
    name = label.removeprefix(_LABEL)
    if not _WITH_SCRIPT.fullmatch(name):
        return name
    return langcodes.standardize_tag(name, macro=True).partition("-")[0]
