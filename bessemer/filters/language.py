"""Language identification with fastText's lid.176, which lies beside this module (see its ATTRIBUTION)."""

import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import fasttext
import numpy as np
from numpy.typing import NDArray

from bessemer.errors import DataError

MODEL: Final = Path(__file__).parent / "data" / "lid.176.ftz"
MODEL_SHA256: Final = "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83"
UNDETERMINED: Final = "und"
"""ISO 639-2 for text of which nothing can be said, such as an empty one; its score is 0."""

_LABEL = "__label__"


@functools.cache
def load_model(path: Path = MODEL) -> Any:
    """The model, once per process.

    Raises:
        DataError: the file is missing or is not the one that was shipped.
    """
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        raise DataError(f"{path.name} is missing in {path.parent}; restore it from version control.") from None
    if digest != MODEL_SHA256:
        raise DataError(
            f"{path.name} has SHA-256 {digest[:12]}…, not that of lid.176; restore it from version control."
        )
    return fasttext.load_model(str(path))


def identify(texts: Sequence[str], characters: int) -> tuple[list[str], NDArray[np.float32]]:
    """The most probable language of each text.

    Args:
        texts: n documents; line breaks count as spaces.
        characters: code points from the start of a text that are read.

    Returns:
        n codes (ISO 639-1, else 639-3 or lid.176's own, such as ``sh``), and their probabilities: shape (n,), float32,
        at most 1.

    Raises:
        DataError: as for :func:`load_model`.
    """
    lines = [" ".join(text[:characters].split()) for text in texts]
    full = [place for place, line in enumerate(lines) if line]
    codes = [UNDETERMINED] * len(lines)
    scores = np.zeros(len(lines), np.float32)
    if not full:
        return codes, scores
    labels, probabilities = load_model().predict([lines[place] for place in full], k=1)
    for place, label, probability in zip(full, labels, probabilities, strict=True):
        if label:
            codes[place] = label[0].removeprefix(_LABEL)
            scores[place] = min(1.0, float(probability[0]))
    return codes, scores
