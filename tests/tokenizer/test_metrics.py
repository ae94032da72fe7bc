"""Measures against counting by hand."""

import numpy as np
import pytest

from bessemer.progress import progress
from bessemer.tokenizer.encode import load_encoder
from bessemer.tokenizer.metrics import measure, segments
from bessemer.tokenizer.sample import Row, examples_of

ROWS = [
    Row("1", "a", "en", "in the beginning"),
    Row("2", "a", "zh", "天地玄黃"),
    Row("3", "b", "en", "odd \U0001f9ed and ▁ one"),
]


@pytest.fixture(scope="module")
def encoder(folder):
    return load_encoder(folder)


@pytest.fixture(scope="module")
def measures(encoder):
    with progress("measure", 3, "documents") as bar:
        return measure(encoder, ROWS, bar)


def test_sums_are_those_of_the_documents(measures, encoder):
    ids = encoder.encode([row.text for row in ROWS])
    assert measures.total.documents == 3
    assert measures.total.bytes == sum(len(row.text.encode()) for row in ROWS)
    assert measures.total.tokens == sum(map(len, ids)) == measures.counts.sum()
    assert np.array_equal(measures.counts, np.bincount(np.concatenate(ids), minlength=encoder.vocab_size))
    assert {name: group.documents for name, group in measures.by_source.items()} == {"a": 2, "b": 1}
    assert measures.by_language["zh"].words == 4
    assert measures.by_language["en"].words == 3 + 3


def test_a_character_without_a_piece_counts_as_bytes_and_a_literal_u2581_as_no_round_trip(measures):
    assert measures.by_source["b"].byte_tokens == 4
    assert measures.by_source["a"].round_trip_share == 1.0
    assert measures.by_source["b"].round_trip_share == 0.0


def test_segments_put_together_are_the_text(encoder):
    assert segments(encoder, "Now the LORD,\n said").replace("|", "").replace("\\n", "\n") == "Now the LORD,\n said"


def test_examples_show_every_source_and_language():
    assert {(row.source, row.language) for row in examples_of(ROWS)} == {("a", "en"), ("a", "zh"), ("b", "en")}
