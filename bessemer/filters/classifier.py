"""A fastText classifier that tells wanted from ordinary text, in two folds: no text is scored by a model that saw it.

Source: Joulin et al. 2016 for the model; Li et al. 2024 (DCLM), section 4.4, for its use as a filter.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import fasttext
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from bessemer.config.classifier import ClassifierParams
from bessemer.errors import DataError
from bessemer.shards import write_json
from bessemer.text.normalize import keyed
from bessemer.text.words import split

FOLDS: Final = 2
POSITIVE: Final = "__label__wanted"
NEGATIVE: Final = "__label__ordinary"
CALIBRATION: Final = "calibration.json"
CHARACTERS_PER_WORD: Final = 16


@dataclass(frozen=True)
class Example:
    """A text to learn from: the hash of its normalised form, its words on one line, and its side."""

    text_hash: str
    line: str
    positive: bool


class Calibration(BaseModel):
    """``calibration.json``: what the scores of a classifier mean, and how to score as it was trained.

    Attributes:
        enabled: False if no classifier was asked for; then nothing is scored and there is no cut.
        seed: of the folds.
        words: words from the start of a text that are read.
        keep_fraction: share of the documents in the classifier's languages that reach the cut.
        cut: least score of a wanted document; None if not enabled.
        auc: area under the ROC curve, every example scored by the model that has not seen it.
        auc_by_fold: the same for the examples of each fold.
        counts: examples of each side, texts on both, and documents that the cut was found on.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool
    seed: int
    words: int
    keep_fraction: float | None = None
    cut: float | None = None
    auc: float | None = None
    auc_by_fold: list[float] = []
    counts: dict[str, int] = {}


def model_path(directory: Path, fold: int) -> Path:
    """The file of the model that scores the documents of ``fold``: it was trained on the others."""
    return directory / f"fold{fold}.bin"


def fold_of(text_hash: str, seed: int) -> int:
    """Fold of a text: it depends on the normalised text alone, so copies are never on both sides."""
    return keyed(text_hash, seed, "fold") % FOLDS


def line_of(text: str, words: int) -> str:
    """What the classifier reads of a text: its first ``words`` words, case folded, on one line.

    A text whose words are longer than ``CHARACTERS_PER_WORD`` on average is read less far, so that the work is bounded.
    """
    return " ".join(split(text[: words * CHARACTERS_PER_WORD])[:words])


def choose_examples(examples: Sequence[Example], params: ClassifierParams) -> tuple[list[Example], int]:
    """Distinct examples, at most ``cap`` a side by a keyed hash, in the order of that hash.

    A text that occurs on both sides teaches nothing and is left out on both.

    Returns:
        The examples, and how many texts were on both sides.
    """
    sides: dict[str, dict[str, Example]] = {POSITIVE: {}, NEGATIVE: {}}
    for example in examples:
        if example.line:
            sides[POSITIVE if example.positive else NEGATIVE].setdefault(example.text_hash, example)
    both = sides[POSITIVE].keys() & sides[NEGATIVE].keys()
    chosen: list[tuple[int, str, Example]] = []
    for side in sides.values():
        keys = sorted((keyed(name, params.seed, "example"), name) for name in side if name not in both)
        chosen.extend((key, name, side[name]) for key, name in keys[: params.cap])
    return [example for _, _, example in sorted(chosen, key=lambda item: item[:2])], len(both)


def train(examples: Sequence[Example], fold: int, params: ClassifierParams, path: Path) -> None:
    """Train on the examples that are not in ``fold``, and save the model. One thread: the same bytes every time.

    Raises:
        DataError: one side has no example outside the fold.
    """
    training = [example for example in examples if fold_of(example.text_hash, params.seed) != fold]
    for positive, name in ((True, "positives"), (False, "negatives")):
        if not any(example.positive is positive for example in training):
            raise DataError(
                f"classifier.{name} give no document in {', '.join(params.languages)} to train on; "
                "name other sources, or empty both lists to do without a classifier."
            )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "examples.txt"
        lines = (f"{POSITIVE if example.positive else NEGATIVE} {example.line}\n" for example in training)
        file.write_text("".join(lines), encoding="utf-8")
        model = fasttext.train_supervised(
            input=str(file),
            dim=params.dimensions,
            bucket=params.buckets,
            wordNgrams=params.word_ngrams,
            minCount=params.min_count,
            epoch=params.epochs,
            lr=params.learning_rate,
            seed=params.seed,
            thread=1,
            verbose=0,
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    model.save_model(str(temporary))
    temporary.replace(path)


def write_calibration(directory: Path, calibration: Calibration) -> None:
    """Write ``calibration.json`` into the folder of the models."""
    write_json(directory / CALIBRATION, calibration.model_dump())


def read_calibration(directory: Path) -> Calibration:
    """What :func:`write_calibration` wrote.

    Raises:
        DataError: it is missing or damaged.
    """
    try:
        return Calibration.model_validate_json((directory / CALIBRATION).read_bytes())
    except (FileNotFoundError, ValueError):
        raise DataError(f"{directory / CALIBRATION} is missing or damaged; run the stage classifier.") from None


def load_models(directory: Path) -> list[Any]:
    """The model of each fold.

    Raises:
        DataError: one is missing.
    """
    paths = [model_path(directory, fold) for fold in range(FOLDS)]
    for path in paths:
        if not path.is_file():
            raise DataError(f"{path} is missing; run the stage classifier.")
    return [fasttext.load_model(str(path)) for path in paths]


def score_lines(model: Any, lines: Sequence[str]) -> NDArray[np.float32]:
    """Probability of wanted text; 0 for a line without words, of which nothing can be said in its favour.

    Returns:
        Shape (lines,), float32, at most 1.
    """
    full = [place for place, line in enumerate(lines) if line]
    scores = np.zeros(len(lines), np.float32)
    if full:
        labels, probabilities = model.predict([lines[place] for place in full], k=2)
        for place, names, values in zip(full, labels, probabilities, strict=True):
            found = dict(zip(names, values, strict=True))
            scores[place] = min(1.0, float(found.get(POSITIVE, 0.0)))
    return scores


def score_by_fold(models: Sequence[Any], lines: Sequence[str], hashes: Sequence[str], seed: int) -> NDArray[np.float32]:
    """Score each text by the model that was not trained on its fold.

    Args:
        models: the model of each fold.
        lines: n texts as :func:`line_of` gives them.
        hashes: of their normalised texts.
        seed: of the folds.

    Returns:
        Shape (n,), float32.
    """
    folds = np.array([fold_of(text_hash, seed) for text_hash in hashes], np.int64)
    scores = np.zeros(len(lines), np.float32)
    for fold, model in enumerate(models):
        places = np.flatnonzero(folds == fold)
        scores[places] = score_lines(model, [lines[int(place)] for place in places])
    return scores


def area_under_roc(scores: NDArray[np.float32], positive: NDArray[np.bool_]) -> float:
    """Probability that a positive scores above a negative, ties half (Mann-Whitney); 0.5 if a side is empty."""
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return 0.5
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[inverse]
    return float((ranks[positive].sum() - positives * (positives + 1) / 2.0) / (positives * negatives))


def cut_for(scores: NDArray[np.float32], keep_fraction: float) -> float:
    """The largest score that at least ``keep_fraction`` of the scores reach; 0 where there are none."""
    if not len(scores):
        return 0.0
    ordered = np.sort(scores)[::-1]
    place = min(len(ordered), max(1, int(np.ceil(keep_fraction * len(ordered) - 1e-9))))
    return float(ordered[place - 1]) if keep_fraction > 0 else float(np.nextafter(ordered[0], np.float32(2)))
