"""Weights of documents: by the policy in ``curate``, as whole copies in ``shard``."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bessemer.config.curate import CurateParams, WeightRules
from bessemer.corpus import CorpusPaths
from bessemer.shards import read_directory
from bessemer.tokens.order import order_copies, order_keys
from bessemer.weights import copies_of, weights_of
from tests.corpora import document, run_curate, write_corpus

RULES = {
    "sources": {"crawl": 0.5, "books": 3},
    "languages": {"de": 2},
    "quality": [{"at_least": 0.5, "weight": 1.5}, {"at_least": 0.9, "weight": 4}],
    "duplicates": [{"at_least": 2, "weight": 1.25}, {"at_least": 10, "weight": 2}],
}


def weights(**columns: Any) -> list[float]:
    found = weights_of(
        WeightRules.model_validate(RULES),
        source=pa.chunked_array([columns["source"]], pa.string()),
        language=pa.chunked_array([columns["language"]], pa.string()),
        quality=np.array(columns["quality"], np.float64),
        family=np.array(columns["family"], np.int64),
    )
    assert found.dtype == np.float32
    return found.tolist()


def test_a_weight_is_the_product_of_all_that_apply() -> None:
    assert weights(
        source=["crawl", "books", "other", "other", "other", "other", "books"],
        language=["en", "en", "de", None, "en", "en", "de"],
        quality=[np.nan, np.nan, np.nan, 0.49, 0.5, 0.95, 1.0],
        family=[1, 1, 1, 1, 2, 9, 10],
    ) == [0.5, 3, 2, 1, 1.875, 5, 48]


def test_a_score_reaches_the_step_of_its_own_number_as_it_is_stored() -> None:
    found = weights_of(
        WeightRules.model_validate({"quality": [{"at_least": 0.9, "weight": 2}]}),
        source=pa.chunked_array([["a", "a"]]),
        language=pa.chunked_array([["en", "en"]]),
        quality=np.array([0.9, 0.8999], np.float32).astype(np.float64),
        family=np.array([1, 1]),
    )
    assert found.tolist() == [2, 1]


def test_without_weights_every_document_has_one() -> None:
    found = weights_of(
        WeightRules(),
        source=pa.chunked_array([["a"]]),
        language=pa.chunked_array([pa.array([None], pa.string())]),
        quality=np.array([0.3]),
        family=np.array([7]),
    )
    assert found.tolist() == [1]


@pytest.mark.parametrize(
    "wrong",
    [
        {"sources": {"crawl": -1}},
        {"sources": {"crawl": 101}},
        {"quality": [{"at_least": 0.5, "weight": 1}, {"at_least": 0.5, "weight": 2}]},
        {"duplicates": [{"at_least": 5, "weight": 1}, {"at_least": 2, "weight": 2}]},
        {"sources": {"crawl": 20, "books": 1}, "languages": {"de": 6}},
    ],
)
def test_weights_out_of_bounds_and_steps_that_do_not_rise_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WeightRules.model_validate(wrong)


IDS = [f"{number:032x}" for number in range(4000)]


@given(weight=st.floats(0, 5, width=32), more=st.floats(0, 2, width=32), seed=st.integers(0, 9))
def test_copies_are_the_weight_on_average_and_a_larger_weight_takes_none_away(
    weight: float, more: float, seed: int
) -> None:
    copies = copies_of(IDS, np.full(len(IDS), weight, np.float32), seed)
    assert set(copies.tolist()) <= {int(weight), int(weight) + 1}
    assert copies.mean() == pytest.approx(weight, abs=5 * 0.5 / len(IDS) ** 0.5)
    assert (copies_of(IDS, np.full(len(IDS), np.float32(weight + more)), seed) >= copies).all()
    assert copies_of(IDS[7:8], np.array([weight], np.float32), seed) == copies[7]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40), st.integers(0, 9))
def test_copies_have_places_of_their_own_and_the_first_is_where_it_always_was(copies: list[int], seed: int) -> None:
    ids = IDS[: len(copies)]
    rows, number, keys = order_copies(ids, np.array(copies), seed)
    assert sorted(zip(rows.tolist(), number.tolist(), strict=True)) == [
        (row, copy) for row, count in enumerate(copies) for copy in range(max(1, count))
    ]
    assert keys.tolist() == sorted(keys.tolist())
    assert len(set(keys.tolist())) == len(keys)
    first = number == 0
    assert dict(zip(rows[first].tolist(), keys[first].tolist(), strict=True)) == dict(
        enumerate(order_keys(ids, seed).tolist())
    )


def test_curate_counts_the_family_of_each_document_and_weighs_it(tmp_path: Path) -> None:
    rows = [
        document(1, words=900, group="twins", classifier=0.95),
        document(2, words=800, group="twins", classifier=0.9),
        document(3, source="crawl", classifier=0.6),
        document(4, language="de", classifier=0.6),
        document(5, words=700, classifier=0.7),
    ]
    write_corpus(tmp_path, {"a": rows[:2], "b": rows[2:]}, pairs=[(1, 5, 0.9)])
    report, _ = run_curate(tmp_path, {"weights": RULES})
    curated = read_directory(CorpusPaths().under(tmp_path).curated).to_pylist()
    assert [(int(row["id"], 16), row["family"], row["weight"]) for row in curated] == [
        (1, 3, 5.0),
        (3, 1, 0.75),
        (4, 1, 3.0),
    ]
    (table,) = (table for table in report.tables if table.name == "weights")
    by_source = {row[0]: row for row in table.rows}
    size = len("Text number 1.")
    assert by_source["crawl"][1:] == [1, size, round(1 / 3, 4), round(0.75 * size), round(0.75 / 8.75, 4), 0.75]
    assert by_source["novels"][4] == 8 * size


def test_weights_drop_nothing_and_change_no_fate(tmp_path: Path) -> None:
    assert CurateParams().weights == WeightRules()
    write_corpus(tmp_path, {"a": [document(1), document(2, source="crawl")]})
    run_curate(tmp_path, {"weights": {"sources": {"crawl": 0}}})
    paths = CorpusPaths().under(tmp_path)
    assert read_directory(paths.ledger).column("fate").to_pylist() == ["kept", "kept"]
    assert read_directory(paths.curated).column("weight").to_pylist() == [1, 0]
