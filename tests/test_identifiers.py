"""Ids as numbers: back and forth without loss, in the order of the strings."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bessemer.errors import DataError
from bessemer.identifiers import codes_of, from_hex, hex_column

ids = st.lists(st.integers(0, (1 << 128) - 1).map(lambda value: f"{value:032x}"), max_size=30)


@given(st.lists(ids, max_size=4), st.booleans(), st.integers(0, 3))
def test_columns_of_ids_come_back_whatever_their_chunks(chunks: list[list[str]], large: bool, skipped: int) -> None:
    kind = pa.large_string() if large else pa.string()
    arrays = [pa.array(["e" * 32] * skipped + chunk, kind)[skipped:] for chunk in chunks]
    values = from_hex(pa.chunked_array(arrays, kind))
    assert values.shape == (sum(map(len, chunks)), 2)
    assert hex_column(values).to_pylist() == [id_ for chunk in chunks for id_ in chunk]


@given(ids)
def test_codes_are_places_among_the_distinct_ids(wanted: list[str]) -> None:
    distinct = sorted(set(wanted))
    values = from_hex(pa.chunked_array([wanted], pa.string()))
    assert codes_of(values).tolist() == [distinct.index(id_) for id_ in wanted]


def test_ids_that_share_a_half_are_told_apart() -> None:
    values = np.array([[1, 2], [1, 1], [2, 1], [1, 2]], np.uint64)
    assert codes_of(values).tolist() == [1, 0, 2, 1]


@pytest.mark.parametrize("bad", ["1" * 31, "1" * 33, "g" * 32, "", None, "é" * 16])
def test_what_is_no_id_is_refused(bad: str | None) -> None:
    with pytest.raises(DataError, match="hex"):
        from_hex(pa.chunked_array([["0" * 32, bad]], pa.string()))
