"""The engine: any workers, the same bytes; what did not change is not computed again; a kill costs one job."""

import functools
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pyarrow as pa
import pytest

from bessemer.config.base import Strict
from bessemer.config.runtime import Runtime
from bessemer.engine import Job, OutputWriter, Stats, finish_directory, map_jobs
from bessemer.errors import DataError, TryAgain
from bessemer.shards import directory_digest
from bessemer.stage import RunRecord, StageContext


class Doubling(Strict):
    factor: int = 2


def context(root: Path, workers: int = 1, factor: int = 2, module: str = "stages.layout") -> StageContext:
    return StageContext(
        name="doubling",
        sections={"doubling": Doubling(factor=factor)},
        runtime=Runtime(workers=workers),
        root=root,
        record=RunRecord(run="test", stage="doubling"),
        module=module,
    )


def multiply(factor: int, job: Job, out: OutputWriter) -> Stats:
    number = int(job.name.removeprefix("n"))
    for part in range(2):
        out.write("numbers", f"{job.name}-{part}", pa.table({"id": [job.name], "value": [number * factor + part]}))
    return {"number": number}


def fail(job: Job, out: OutputWriter) -> Stats:
    raise DataError(f"{job.name} is no number; mend it.")


def die(job: Job, out: OutputWriter) -> Stats:
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


JOBS = [Job(name=f"n{i:02d}", inputs={"number": str(i)}) for i in range(7)]


def run(root: Path, workers: int = 1, factor: int = 2, jobs: list[Job] | None = None) -> tuple[str, int]:
    stage = context(root, workers, factor)
    results = map_jobs(
        functools.partial(multiply, factor),
        jobs or JOBS,
        outputs={"numbers": Path("out")},
        stage=stage,
        label="numbers",
    )
    assert [result.stats["number"] for result in results] == [int(job.name[1:]) for job in jobs or JOBS]
    finish_directory(results, "numbers", root / "out", {})
    return directory_digest(root / "out"), sum(result.cached for result in results)


def test_one_and_two_workers_write_the_same_bytes(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    assert run(one, workers=1)[0] == run(two, workers=2)[0]


def test_a_second_run_computes_nothing(tmp_path: Path) -> None:
    first, cached = run(tmp_path)
    assert cached == 0
    assert run(tmp_path) == (first, len(JOBS))


def test_a_new_job_among_old_ones_is_the_only_one_computed(tmp_path: Path) -> None:
    run(tmp_path)
    _, cached = run(tmp_path, jobs=[*JOBS, Job(name="n99", inputs={"number": "99"})])
    assert cached == len(JOBS)


def test_a_changed_parameter_or_input_meets_no_stale_entry(tmp_path: Path) -> None:
    run(tmp_path)
    assert run(tmp_path, factor=3)[1] == 0
    changed = [Job(name=job.name, inputs={"number": "other"}) for job in JOBS]
    assert run(tmp_path, jobs=changed)[1] == 0


def test_a_damaged_entry_is_computed_again(tmp_path: Path) -> None:
    digest, _ = run(tmp_path)
    victim = next((tmp_path / ".cache").rglob("*.parquet"))
    victim.write_bytes(b"damaged")
    assert run(tmp_path) == (digest, len(JOBS) - 1)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_in_a_job_reaches_the_caller_as_it_is(tmp_path: Path, workers: int) -> None:
    with pytest.raises(DataError, match="is no number"):
        map_jobs(fail, JOBS, outputs={"numbers": Path("out")}, stage=context(tmp_path, workers), label="fail")


def test_a_worker_killed_from_outside_is_a_reason_to_try_again(tmp_path: Path) -> None:
    with pytest.raises(TryAgain):
        map_jobs(die, JOBS, outputs={"numbers": Path("out")}, stage=context(tmp_path, 2), label="die")


def test_killed_at_any_job_the_stage_ends_with_the_same_bytes(tmp_path: Path) -> None:
    expected, _ = run(tmp_path / "whole")
    script = textwrap.dedent(
        """
        import os, signal, sys
        from pathlib import Path
        from tests import test_engine
        after, root = int(sys.argv[1]), Path(sys.argv[2])
        done, compute = [], test_engine.multiply
        def multiply(factor, job, out):
            stats = compute(factor, job, out)
            done.append(job)
            if len(done) == after:
                os.kill(os.getpid(), signal.SIGKILL)
            return stats
        test_engine.multiply = multiply
        test_engine.run(root)
        """
    )
    root = tmp_path / "killed"
    for after in (1, 2, 3):
        ended = subprocess.run([sys.executable, "-c", script, str(after), str(root)], check=False)
        assert ended.returncode == -signal.SIGKILL
    digest, cached = run(root)
    assert digest == expected
    assert cached == 0 + 1 + 2
