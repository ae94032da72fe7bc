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
_AS_LID = {"nb": "no", "fil": "tl"}
"""Codes of CLDR for which lid.176, and so the limits, have another."""
_SEVERAL = 10
"""Labels asked for where several have one code: ``zho_Hans`` and ``zho_Hant`` share the probability of ``zh``."""


@dataclass(frozen=True, slots=True)
class Identifier:
    """A model that tells languages.

    Attributes:
        fasttext: the model.
        asked: labels to ask for, so that the two best codes are among them.
        least: half the mean probability of a label, which the best one always reaches; fastText skips labels below it.
    """

    fasttext: Any
    asked: int
    least: float


def require_model(path: Path = MODEL, sha256: str = MODEL_SHA256) -> None:
    """The file is there and is the one that it should be.

    Raises:
        DataError: it is not.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise DataError(f"{path} is missing; {_remedy(path)}.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); {_remedy(path)}.") from None
    if digest != sha256:
        raise DataError(f"{path} has SHA-256 {digest[:12]}…, not {sha256[:12]}…; {_remedy(path)}.")


@functools.cache
def load_model(path: Path = MODEL, sha256: str = MODEL_SHA256) -> Identifier:
    """A model, once per process.

    Raises:
        DataError: as :func:`require_model`, or the file is no fastText model whose labels share a probability of 1.
    """
    require_model(path, sha256)
    try:
        model = fasttext.load_model(str(path))
        loss = model.f.getArgs().loss.name
        model.predict("a")
    except (ValueError, RuntimeError) as error:
        raise DataError(f"{path} is no fastText model of languages ({error}); {_remedy(path)}.") from None
    if loss not in ("hs", "softmax"):
        raise DataError(f"{path} has the loss {loss}, whose scores are no probabilities; {_remedy(path)}.")
    codes = {code_of(label) for label in model.labels}
    return Identifier(model, 2 if len(codes) == len(model.labels) else _SEVERAL, 0.5 / len(model.labels))


def _remedy(path: Path) -> str:
    return "restore it from version control" if path == MODEL else "correct language.model in params.yaml"


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


def identify(texts: Sequence[str], characters: int, model: Identifier | None = None) -> Identified:
    """The most probable languages of each text.

    Args:
        texts: n documents; line breaks count as spaces.
        characters: code points from the start of a text that are read.
        model: of :func:`load_model`; None for lid.176.

    Returns:
        Codes as :func:`code_of` gives them; probabilities of labels with the same code are summed.

    Raises:
        DataError: as for :func:`load_model`.
    """
    lines = [" ".join(text[:characters].split()) for text in texts]
    full = [place for place, line in enumerate(lines) if line]
    languages: list[str] = [UNDETERMINED] * len(lines)
    seconds: list[str | None] = [None] * len(lines)
    scores, second_scores = np.zeros(len(lines), np.float32), np.zeros(len(lines), np.float32)
    if full:
        model = load_model() if model is None else model
        predicted = model.fasttext.predict([lines[place] for place in full], k=model.asked, threshold=model.least)
        for place, labels, probabilities in zip(full, *predicted, strict=True):
            best = _by_code(labels, probabilities)
            if best:
                languages[place], scores[place] = best[0]
            if len(best) > 1:
                seconds[place], second_scores[place] = best[1]
    return Identified(languages, scores, seconds, second_scores)


def _by_code(labels: Sequence[str], probabilities: Sequence[float]) -> list[tuple[str, float]]:
    """Codes with their probabilities, at most 1, the greatest first."""
    sums: dict[str, float] = {}
    for label, probability in zip(labels, probabilities, strict=True):
        code = code_of(label)
        sums[code] = min(1.0, sums.get(code, 0.0) + float(probability))
    return sorted(sums.items(), key=lambda item: -item[1])


def share_of_languages(
    texts: Sequence[str], languages: Sequence[str], model: Identifier | None = None
) -> NDArray[np.float32]:
    """Of each text, the share of the characters of its paragraphs that the model takes for its language.

    Args:
        texts: n documents; a paragraph is a line of at least ``PARAGRAPH_CHARACTERS``, white space made even.
        languages: n codes.
        model: of :func:`load_model`; None for lid.176.

    Returns:
        Shape (n,), float32; nan for a text with fewer than two paragraphs of which a language can be told.
    """
    paragraphs: list[str] = []
    owners: list[int] = []
    for place, text in enumerate(texts):
        found = [line for raw in text.split("\n") if len(line := " ".join(raw.split())) >= PARAGRAPH_CHARACTERS]
        if len(found) > 1:
            paragraphs += found
            owners += [place] * len(found)
    if not paragraphs:
        return np.full(len(texts), np.nan, np.float32)
    told = identify(paragraphs, max(map(len, paragraphs)), model).languages
    known = np.array([code != UNDETERMINED for code in told], np.float64)
    sizes = known * np.array([len(paragraph) for paragraph in paragraphs], np.float64)
    own = np.array([code == languages[owner] for code, owner in zip(told, owners, strict=True)], np.float64)
    count, total = np.bincount(owners, known, len(texts)), np.bincount(owners, sizes, len(texts))
    with np.errstate(invalid="ignore"):
        share = np.bincount(owners, sizes * own, len(texts)) / total
    return np.where(count > 1, share, np.nan).astype(np.float32)


@functools.cache
def code_of(label: str) -> str:
    """The code of a language for a model's label.

    Labels with a script (GlotLID, NLLB) become ISO 639-1 codes where lid.176 has these: ``eng_Latn`` is ``en``,
    ``cmn_Hani`` is ``zh``, by the macrolanguages of CLDR. Other labels are taken as they are.
    """
    name = label.removeprefix(_LABEL)
    if not _WITH_SCRIPT.fullmatch(name):
        return name
    code = langcodes.standardize_tag(name, macro=True).partition("-")[0]
    return _AS_LID.get(code, code)
