"""Bits per byte of models whose bits are known, and the sums that they are made of."""

import math
import shutil
import string
import subprocess

import numpy as np
import pytest

from bessemer.evaluation.bits_per_byte import Score, by_group, encode, interval, score_documents, total
from bessemer.evaluation.texts import Document
from bessemer.evaluation.xz_baseline import xz_bits_per_byte
from tests.evaluation.languages import ByHeart, Guesser, gpt2, wrap
from tests.model.folders import VOCABULARY

TEXTS = ["Plain words.", "Ünïcödé 漢字 🙂", "x" * 300]
DOCUMENTS = [
    Document("a", TEXTS[0], (("language", "en"),)),
    Document("b", TEXTS[1], (("language", "zh"),)),
    Document("c", TEXTS[2], (("language", "en"),)),
]


def test_guessing_costs_the_logarithm_of_the_vocabulary_for_each_byte() -> None:
    lm = wrap(Guesser())
    scores = score_documents(lm, DOCUMENTS, encode(lm, DOCUMENTS), stride=32)
    assert [score.bytes for score in scores] == [len(text.encode()) for text in TEXTS]
    assert [score.tokens for score in scores] == [score.bytes for score in scores]
    for score in scores:
        assert score.bits_per_byte == pytest.approx(math.log2(VOCABULARY), rel=1e-6)


def test_a_model_that_knows_the_text_by_heart_needs_next_to_nothing_and_windows_lose_nothing() -> None:
    document = Document("known", "".join(np.random.default_rng(0).choice(list(string.ascii_lowercase), 500)))
    tokens = encode(wrap(Guesser()), [document])
    (found,) = score_documents(wrap(ByHeart(tokens[0], memory=6)), [document], tokens, stride=32)
    certain = math.log(1 + (VOCABULARY - 1) * math.exp(-20))
    assert found.nats == pytest.approx(5 * math.log(VOCABULARY) + 495 * certain, rel=1e-4)


def test_the_total_is_a_quotient_of_sums_and_no_mean_of_quotients() -> None:
    scores = [Score(10.0, 1, 2), Score(10.0, 99, 20)]
    assert total(scores) == Score(20.0, 100, 22)
    assert total(scores).bits_per_byte == pytest.approx(20 / math.log(2) / 100)
    assert math.isnan(total([]).bits_per_byte)


def test_groups_add_up_to_the_whole() -> None:
    lm = wrap(gpt2())
    scores = score_documents(lm, DOCUMENTS, encode(lm, DOCUMENTS), stride=32)
    groups = by_group(DOCUMENTS, scores, "language")
    assert list(groups) == ["en", "zh"]
    assert groups["zh"] == scores[1]
    whole = total(scores)
    assert groups["en"].nats + groups["zh"].nats == pytest.approx(whole.nats)
    assert sum(group.bytes for group in groups.values()) == whole.bytes
    assert list(by_group(DOCUMENTS, scores, "source")) == ["unknown"]


def test_the_interval_holds_the_value_narrows_with_more_documents_and_is_seeded() -> None:
    few = [Score(float(10 + number % 7), 10, 5) for number in range(10)]
    many = few * 30
    low, high = interval(few, seed=0)
    assert low < total(few).bits_per_byte < high
    closer = interval(many, seed=0)
    assert closer[1] - closer[0] < (high - low) / 3
    assert interval(few, seed=0) == (low, high)


def test_the_interval_is_that_of_a_ratio_of_sums_by_the_delta_method() -> None:
    generator = np.random.default_rng(1)
    sizes = generator.integers(50, 5_000, 400)
    nats = sizes * generator.normal(1.1, 0.2, 400)
    low, high = interval([Score(float(n), int(size), 1) for n, size in zip(nats, sizes, strict=True)], seed=0)
    ratio = nats.sum() / sizes.sum()
    error = math.sqrt(((nats - ratio * sizes) ** 2).sum()) / sizes.sum() / math.log(2)
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.1)
    assert (low + high) / 2 == pytest.approx(ratio / math.log(2), abs=0.2 * error)


@pytest.mark.skipif(shutil.which("xz") is None, reason="compares with the xz command")
def test_the_baseline_is_what_the_xz_command_makes_of_the_bytes() -> None:
    done = subprocess.run(["xz", "-9e", "-c"], input="".join(TEXTS).encode(), capture_output=True, check=True)
    assert xz_bits_per_byte(TEXTS) == 8 * len(done.stdout) / len("".join(TEXTS).encode())
