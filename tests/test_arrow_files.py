"""Tables in Arrow's format: what is written is what is read, also by Arrow itself, and through the shard cache."""

import functools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pytest

from bessemer.arrow_files import read_arrow, write_arrow
from bessemer.engine import Job, OutputWriter, Stats, map_jobs
from bessemer.shards import file_digest
from tests.test_engine import context

TABLE = pa.table(
    {"number": pa.array([3, 1, 2], pa.int32()), "hash": pa.array([b"a" * 16, b"b" * 16, None], pa.binary(16))}
)


@pytest.mark.parametrize("table", [TABLE, TABLE.slice(1), TABLE.slice(3), pa.concat_tables([TABLE, TABLE.slice(1, 1)])])
def test_what_is_written_is_read_again(tmp_path: Path, table: pa.Table) -> None:
    info = write_arrow(tmp_path, "part", table)
    path = tmp_path / "part.arrow"
    assert (info.name, info.rows, info.bytes) == ("part", table.num_rows, path.stat().st_size)
    assert info.xxh3 == file_digest(path)
    assert pa.table(read_arrow(tmp_path, "part")) == table.combine_chunks()
    for place, name in enumerate(table.column_names):
        assert pa.table(read_arrow(tmp_path, "part", [place])) == table.select([name]).combine_chunks()
    assert pyarrow.feather.read_table(path) == table  # an independent way in
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("columns", [None, [0]])
def test_columns_outlive_the_removed_file(tmp_path: Path, columns: list[int] | None) -> None:
    write_arrow(tmp_path, "part", pa.table({"number": np.arange(100_000)}))
    numbers = read_arrow(tmp_path, "part", columns).column("number").to_numpy()
    (tmp_path / "part.arrow").unlink()
    assert numbers.sum() == 99_999 * 50_000


def squares(upto: int, job: Job, out: OutputWriter) -> Stats:
    out.write_arrow("squares", job.name, pa.table({"square": np.arange(upto) ** 2}))
    return {"upto": upto}


@pytest.mark.parametrize("link", [False, True])
def test_the_shard_cache_gives_them_out_and_notices_damage(tmp_path: Path, link: bool) -> None:
    def run(folder: str) -> bool:
        (result,) = map_jobs(
            functools.partial(squares, 4),
            [Job("four", {})],
            outputs={"squares": Path(folder)},
            stage=context(tmp_path),
            label="squares",
            link=link,
        )
        assert read_arrow(tmp_path / folder, "four").column("square").to_pylist() == [0, 1, 4, 9]
        return result.cached

    assert [run("one"), run("two")] == [False, True]
    (kept,) = tmp_path.glob(".cache/**/four.arrow")
    kept.write_bytes(kept.read_bytes()[:-1])
    assert [run("three"), run("four")] == [False, True]
