"""Language: the shipped model is the pinned one, and says what a reader would say."""

from pathlib import Path

import numpy as np
import pytest

from bessemer.errors import DataError
from bessemer.filters.language import MODEL, UNDETERMINED, identify, load_model

SENTENCES = {
    "en": "All human beings are born free and equal in dignity and rights.",
    "de": "Alle Menschen sind frei und gleich an Würde und Rechten geboren.",
    "fr": "Tous les êtres humains naissent libres et égaux en dignité et en droits.",
    "es": "Todos los seres humanos nacen libres e iguales en dignidad y derechos.",
    "ru": "Все люди рождаются свободными и равными в своем достоинстве и правах.",
    "zh": "人人生而自由，在尊严和权利上一律平等。",
    "ja": "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
    "th": "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ",
}


def test_article_one_is_told_in_eight_languages() -> None:
    codes, scores = identify(list(SENTENCES.values()), 2000)
    assert codes == list(SENTENCES)
    assert scores.dtype == np.float32
    assert ((scores > 0.5) & (scores <= 1.0)).all()


def test_line_breaks_are_spaces_and_only_the_start_is_read() -> None:
    english, russian = SENTENCES["en"], SENTENCES["ru"]
    codes, scores = identify([english, english.replace(" ", "\n"), english + russian * 20], len(english))
    assert codes == ["en"] * 3
    assert scores[0] == scores[1] == scores[2]


def test_of_nothing_nothing_is_said() -> None:
    codes, scores = identify(["", " \n\t ", SENTENCES["fr"]], 100)
    assert codes == [UNDETERMINED, UNDETERMINED, "fr"]
    assert scores[:2].tolist() == [0.0, 0.0]


def test_another_model_file_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "lid.176.ftz"
    other.write_bytes(MODEL.read_bytes()[:-1] + b"x")
    with pytest.raises(DataError, match="SHA-256"):
        load_model(other)
    with pytest.raises(DataError, match="missing"):
        load_model(tmp_path / "none.ftz")
