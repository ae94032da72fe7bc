"""Records that end or hold up the process that reads them cost themselves only."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from bessemer.config.runtime import Runtime
from bessemer.engine import Job, OutputWriter, Stats, map_jobs
from bessemer.errors import DataError, TryAgain
from bessemer.shards import read_shard
from bessemer.stage import RunRecord, StageContext
from bessemer.watch import Watch, how_it_ended, noted

SECONDS = 0.3


def context(root: Path, workers: int) -> StageContext:
    return StageContext("reading", {}, Runtime(workers=workers), root, RunRecord("test", "reading"), "stages.layout")


def read(job: Job, out: OutputWriter) -> Stats:
    """Reads records that do as they are named; what is left out is told."""
    rows, left_out = [], {}
    for record in job.payload:
        ended = out.watch.enter(record, SECONDS)
        if ended is not None:
            left_out[record] = ended
            continue
        act(record)
        rows.append(record)
        out.watch.leave()
    if "after" in job.name:
        os.kill(os.getpid(), signal.SIGKILL)
    out.write("records", job.name, pa.table({"record": pa.array(rows, pa.string())}))
    return {"left_out": left_out}


def act(record: str) -> None:
    what, _, once = record.partition(" ")
    if once and Path(once).exists():
        return
    if once:
        Path(once).touch()
    if what.startswith("crash"):
        os.kill(os.getpid(), signal.SIGSEGV)
    elif what.startswith("exit"):
        os._exit(3)
    elif what.startswith("hang"):
        while True:
            pass
    elif what.startswith("wait"):
        time.sleep(2 * SECONDS)
    elif what.startswith("fail"):
        raise DataError(f"{record} cannot be read; mend it.")


def run(root: Path, jobs: dict[str, list[str]], workers: int) -> tuple[dict[str, list[str]], dict[str, str]]:
    results = map_jobs(
        read,
        [Job(name, {"records": "\n".join(records)}, records) for name, records in jobs.items()],
        outputs={"records": Path("out")},
        stage=context(root, workers),
        label="reading",
        risky=True,
    )
    rows = {name: read_shard(root / "out", name).column("record").to_pylist() for name in jobs}
    return rows, {key: value for result in results for key, value in result.stats["left_out"].items()}


@pytest.mark.parametrize("workers", [1, 2])
def test_records_that_end_their_process_are_left_out_and_everything_else_is_read(tmp_path: Path, workers: int) -> None:
    jobs = {
        "a": ["1", "crash-1", "2", "exit-1", "3"],
        "b": ["4", "5"],
        "c": ["crash-2"],
        "d": ["6", "hang-1", "7", "wait"],
        **{f"e{number}": [f"{number}"] for number in range(10, 16)},
    }
    rows, left_out = run(tmp_path, jobs, workers)
    assert left_out == {
        "crash-1": "ended the process that read it (SIGSEGV)",
        "exit-1": "ended the process that read it (exit code 3)",
        "crash-2": "ended the process that read it (SIGSEGV)",
        "hang-1": "took too long",
    }
    assert rows == {name: [one for one in records if one not in left_out] for name, records in jobs.items()}
    assert not list((tmp_path / ".cache").rglob(".tmp-*/*.parquet"))


def test_a_record_is_to_blame_only_if_it_ends_a_process_twice(tmp_path: Path) -> None:
    jobs = {"a": ["1", f"crash {tmp_path / 'crashed'}", "2"], "b": [f"hang {tmp_path / 'hung'}"]}
    rows, left_out = run(tmp_path, jobs, 2)
    assert (rows, left_out) == (jobs, {})


def test_an_end_at_no_record_is_not_blamed_on_any(tmp_path: Path) -> None:
    with pytest.raises(TryAgain, match="ended from outside"):
        run(tmp_path, {"after": ["1", "2"]}, 1)


def test_an_error_is_told_as_it_is_also_after_a_crash(tmp_path: Path) -> None:
    for records in (["fail"], ["crash", "fail"]):
        with pytest.raises(DataError, match="fail cannot be read; mend it"):
            run(tmp_path, {"a": records}, 1)


def test_a_note_is_of_the_record_begun_last_and_of_none_between_two(tmp_path: Path) -> None:
    note = tmp_path / "note"
    assert noted(note) is None
    watch = Watch(note)
    assert noted(note) is None
    for place in ("crawl.warc:7", "x" * 9000, "日" * 3000):
        assert watch.enter(place, 9) is None
        found = noted(note)
        assert found is not None
        assert place.startswith(found.rstrip("\ufffd"))
        assert len(found) > 1000 or found == place
        watch.leave()
        assert noted(note) is None


def test_without_a_note_nothing_is_bounded(tmp_path: Path) -> None:
    watch = Watch()
    assert watch.enter("record", 0.001) is None
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
    watch.leave()


@pytest.mark.parametrize(("code", "told"), [(-signal.SIGPROF, "took too long"), (-9, "SIGKILL"), (7, "exit code 7")])
def test_how_a_process_ended_is_told(code: Any, told: str) -> None:
    assert told in how_it_ended(code)
