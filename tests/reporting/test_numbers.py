"""Numbers are written as people read them."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bessemer.reporting.numbers import byte_size, decimal, duration, percent, quantity, sentence, short_count, words


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        ("documents", 12345, "12,345"),
        ("written_bytes", 3_400_000, "3.4 MB"),
        ("bytes", 938_013, "938 kB"),
        ("bytes_per_token", 3.4142, "3.414"),
        ("tokens_per_second", 8123.4, "8,123/s"),
        ("stored_bytes_per_s", 3_400_000, "3.4 MB/s"),
        ("reference_english_bits_per_byte", 1.61234, "1.612 bits/byte"),
        ("kept_fraction", 0.0451, "4.5 %"),
        ("english_share", 1.0, "100 %"),
        ("wall_seconds", 200.0, "3 min 20 s"),
        ("learning_rate", 0.00026, "2.6e-4"),
        ("loss", 3.14159, "3.142"),
        ("perplexity", 12345.6, "12,346"),
        ("loss", math.nan, "not a number"),
        ("written_bytes", math.inf, "∞"),
        ("priority", "quality", "quality"),
        ("anything", None, "–"),
        ("exact", True, "yes"),
    ],
)
def test_a_name_tells_the_unit(name: str, value: float | str | None, written: str) -> None:
    assert plain(quantity(name, value)) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (99_960, "100 kB"), (999_600, "1.0 MB"), (4_200_000_000, "4.2 GB")],
)
def test_sizes_step_to_the_next_unit_without_four_digits(value: int, written: str) -> None:
    assert plain(byte_size(value)) == written


@given(st.integers(0, 10**15))
def test_a_size_is_within_five_per_cent_of_the_truth(value: int) -> None:
    number, unit = plain(byte_size(value)).split(" ")
    scale = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "PB": 10**15}[unit]
    assert float(number) * scale == pytest.approx(value, rel=0.05, abs=0.5)


@given(st.floats(1e-9, 1 - 1e-9))
def test_a_part_is_never_written_as_nothing_or_all(share: float) -> None:
    assert plain(percent(share)) not in {"0 %", "0.0 %", "100 %", "100.0 %"}


@given(st.floats(min_value=1e-12, max_value=1e12))
def test_a_decimal_reads_back_within_its_digits(value: float) -> None:
    assert float(decimal(value).replace(",", "")) == pytest.approx(value, rel=6e-3)


@given(st.floats(0, 1e6))
def test_a_duration_reads_back(seconds: float) -> None:
    parts = re.findall(r"([\d.]+) (h|min|s)", plain(duration(seconds)))
    back = sum(float(number) * {"h": 3600, "min": 60, "s": 1}[unit] for number, unit in parts)
    assert back == pytest.approx(seconds, abs=31 if seconds >= 3570 else 0.51)


def test_axis_labels_stay_short() -> None:
    assert [short_count(value) for value in (0, 950, 12_000, 3_400_000)] == ["0", "950", "12k", "3.4M"]


def test_keys_become_words() -> None:
    assert words("near_duplicate") == "Near duplicate"
    assert words("recall_at_0_8") == "Recall at 0.8"
    assert words("classifier.auc") == "Classifier · AUC"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("needs corpus_gate, which did not pass", "Needs corpus_gate, which did not pass"),
        ("curate.length.min_words changed from 50 to 80", "curate.length.min_words changed from 50 to 80"),
        ("bessemer/addresses.py has changed", "bessemer/addresses.py has changed"),
        ("xz needs 2.39", "xz needs 2.39"),
        ("done.", "Done."),
    ],
)
def test_a_sentence_begins_with_a_capital_unless_its_first_word_is_a_name(text: str, shown: str) -> None:
    assert sentence(text) == shown
