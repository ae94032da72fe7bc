"""Language: the shipped model is the pinned one, and says what a reader would say."""

import hashlib
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
import pytest

from bessemer.errors import DataError
from bessemer.filters.language import MODEL, UNDETERMINED, code_of, identify, load_model, share_of_languages

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
    found = identify(list(SENTENCES.values()), 2000)
    scores = found.scores
    assert found.languages == list(SENTENCES)
    assert scores.dtype == np.float32
    assert ((scores > 0.5) & (scores <= 1.0)).all()


def test_line_breaks_are_spaces_and_only_the_start_is_read() -> None:
    english, russian = SENTENCES["en"], SENTENCES["ru"]
    found = identify([english, english.replace(" ", "\n"), english + russian * 20], len(english))
    scores = found.scores
    assert found.languages == ["en"] * 3
    assert scores[0] == scores[1] == scores[2]


def test_of_nothing_nothing_is_said() -> None:
    found = identify(["", " \n\t ", SENTENCES["fr"]], 100)
    assert found.languages == [UNDETERMINED, UNDETERMINED, "fr"]
    assert found.seconds[:2] == [None, None]
    assert found.scores[:2].tolist() == [0.0, 0.0]


def test_another_model_file_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "lid.176.ftz"
    other.write_bytes(MODEL.read_bytes()[:-1] + b"x")
    with pytest.raises(DataError, match="SHA-256"):
        load_model(other)
    with pytest.raises(DataError, match="missing"):
        load_model(tmp_path / "none.ftz")


def test_the_second_language_is_the_next_of_bare_fasttext() -> None:
    text = f"{SENTENCES['en']} {SENTENCES['fr']}"
    found = identify([text], 2000)
    labels, probabilities = load_model().fasttext.predict(text, k=2)
    assert [f"__label__{found.languages[0]}", f"__label__{found.seconds[0]}"] == list(labels)
    assert {found.languages[0], found.seconds[0]} == {"en", "fr"}
    assert np.allclose([found.scores[0], found.second_scores[0]], probabilities)


def test_the_share_is_that_of_the_characters_of_paragraphs() -> None:
    english, german = SENTENCES["en"], SENTENCES["de"]
    texts = [f"{english}\n{german}\n\n{english}\nToo short.\n{' ' * 300}", f"{german}\n{german}", english, ""]
    share = share_of_languages(texts, ["en", "de", "en", UNDETERMINED])
    own = 2 * len(english)
    assert np.allclose(share[:2], [own / (own + len(german)), 1.0])
    assert np.isnan(share[2:]).all()


@pytest.mark.parametrize(
    ("label", "code"),
    [
        ("__label__en", "en"),
        ("__label__sh", "sh"),
        ("__label__eng_Latn", "en"),
        ("__label__cmn_Hani", "zh"),
        ("__label__arb_Arab", "ar"),
        ("__label__srp_Cyrl", "sr"),
        ("__label__hrv_Latn", "hr"),
        ("__label__yue_Hani", "yue"),
        ("__label__wuu_Hani", "wuu"),
        ("__label__zho_Hant", "zh"),
        ("__label__nob_Latn", "no"),
        ("__label__tgl_Latn", "tl"),
        ("__label__arz", "arz"),
    ],
)
def test_labels_of_other_models_become_the_codes_of_the_limits(label: str, code: str) -> None:
    assert code_of(label) == code


def trained(folder: Path, labels: dict[str, str], **options: Any) -> tuple[Path, str]:
    """A small model that tells sentences by these labels; its SHA-256."""
    lines = [f"__label__{label} {SENTENCES[code]}\n" for label, code in labels.items()]
    (folder / "train.txt").write_text("".join(lines * 50))
    settings = {"epoch": 25, "thread": 1, "bucket": 1000, "verbose": 0} | options
    fasttext.train_supervised(str(folder / "train.txt"), **settings).save_model(str(folder / "own.bin"))
    return folder / "own.bin", hashlib.sha256((folder / "own.bin").read_bytes()).hexdigest()


def test_a_model_of_ones_own_is_pinned_and_read(tmp_path: Path) -> None:
    model = load_model(*trained(tmp_path, {"eng_Latn": "en", "deu_Latn": "de"}))
    assert identify([SENTENCES["de"], SENTENCES["en"]], 2000, model).languages == ["de", "en"]


def test_labels_of_one_language_share_its_probability(tmp_path: Path) -> None:
    model = load_model(*trained(tmp_path, {"zho_Hans": "zh", "zho_Hant": "zh", "eng_Latn": "en"}))
    found = identify([SENTENCES["zh"]], 2000, model)
    assert found.languages == ["zh"]
    assert found.scores[0] > 0.9
    assert found.seconds[0] in (None, "en")


def test_a_file_that_tells_no_languages_is_refused(tmp_path: Path) -> None:
    path, digest = trained(tmp_path, {"a": "en", "b": "de"}, loss="ova")
    with pytest.raises(DataError, match="loss ova"):
        load_model(path, digest)
    words = tmp_path / "words.bin"
    fasttext.train_unsupervised(str(tmp_path / "train.txt"), thread=1, bucket=1000, verbose=0).save_model(str(words))
    with pytest.raises(DataError, match=r"no fastText model of languages.*language\.model in params\.yaml"):
        load_model(words, hashlib.sha256(words.read_bytes()).hexdigest())
    with pytest.raises(DataError, match="SHA-256"):
        load_model(words, digest)
    with pytest.raises(DataError, match="cannot be read"):
        load_model(tmp_path, digest)
