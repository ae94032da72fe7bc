"""Texts of some rows of a shard, whatever row groups it has."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bessemer.dedup.corpus import read_some_texts
from bessemer.shards import write_shard


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shards of 20 texts, in row groups of one text, of some, and in one."""
    root = tmp_path_factory.mktemp("texts")
    table = pa.table({"text": pa.array([f"text {number}" for number in range(20)], pa.large_string())})
    for name, groups in {"ones": [1] * 20, "some": [7, 1, 0, 3, 9], "one": [20]}.items():
        write_shard(root, name, table, row_groups=groups)
    return root


@given(rows=st.sets(st.integers(0, 19)), name=st.sampled_from(["ones", "some", "one"]))
def test_rows_come_in_their_order(folder: Path, rows: set[int], name: str) -> None:
    wanted = np.array(sorted(rows), np.int64)
    assert read_some_texts(folder, name, wanted).to_pylist() == [f"text {row}" for row in sorted(rows)]
