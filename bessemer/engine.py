"""Map a function over shards: in local processes or threads, with the shard cache, in a fixed order.

A job's function writes shards through an :class:`OutputWriter` and returns numbers about them. The result does not
depend on the number of workers: jobs are independent, and their results are returned in the order of the jobs.
"""

import contextlib
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from bessemer.arrow_files import SUFFIX as ARROW
from bessemer.arrow_files import write_arrow
from bessemer.cache import ShardCache, cache_key, open_cache
from bessemer.errors import DataError
from bessemer.pools import Call, as_done
from bessemer.progress import progress
from bessemer.risky_jobs import ended_from_outside, run_risky
from bessemer.shards import Manifest, ShardInfo, write_manifest, write_shard
from bessemer.stage import StageContext
from bessemer.watch import Watch

Stats = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """One unit of work.

    Attributes:
        name: unique among the jobs of a call; usually the name of the shard that is read.
        inputs: role to content digest of everything that the job reads. Part of the cache key.
        payload: what the function needs beside the name (paths, row ranges); picklable, not part of the key.
    """

    name: str
    inputs: Mapping[str, str]
    payload: Any = None


@dataclass(frozen=True)
class JobResult:
    """What a job made: shards by role, in the order they were written, its stats, and whether the cache had it."""

    job: Job
    shards: dict[str, list[ShardInfo]]
    stats: Stats
    cached: bool


@dataclass
class OutputWriter:
    """Where a job writes its shards. Each is in a file when ``write`` returns, so large inputs can be streamed.

    Files are not waited for until they are on disk: the cache verifies the digest of whatever it gives out. Where the
    jobs are ``risky``, ``watch`` is told of each record that may end the process.
    """

    directory: Path
    watch: Watch = field(default_factory=Watch)
    shards: dict[str, list[ShardInfo]] = field(default_factory=dict)

    def write(
        self,
        role: str,
        name: str,
        table: pa.Table,
        *,
        row_groups: Sequence[int] | None = None,
        plain: Sequence[str] = (),
    ) -> None:
        """Write one shard of ``role`` (a key of ``outputs``); the options are those of :func:`write_shard`."""
        info = write_shard(self.directory / role, name, table, row_groups=row_groups, plain=plain, durable=False)
        self.shards.setdefault(role, []).append(info)

    def write_arrow(self, role: str, name: str, table: pa.Table) -> None:
        """Write one table of ``role`` for :func:`.arrow_files.read_arrow`."""
        self.shards.setdefault(role, []).append(write_arrow(self.directory / role, name, table))


JobFunction = Callable[[Job, OutputWriter], Stats]


def map_jobs(
    function: JobFunction,
    jobs: Sequence[Job],
    *,
    outputs: Mapping[str, Path],
    stage: StageContext,
    label: str,
    key: Sequence[object] = (),
    threads: bool = False,
    risky: bool = False,
    link: bool = False,
) -> list[JobResult]:
    """Run ``function`` for every job and collect its shards in the directories of ``outputs``.

    Args:
        function: a module-level function, or a ``functools.partial`` of one; it must be picklable and deterministic.
        jobs: with unique names.
        outputs: role to directory (relative to the root); emptied by DVC before the stage runs.
        stage: gives workers, cache, and what every key holds: the stage's sections and the digest of its code.
        label: shown beside the progress bar, for example ``"signals"``. Also part of the key.
        key: further JSON-able parts of the cache key: whatever ``function`` was bound to that changes its result.
        threads: run in threads of this process: for a function that spends its time without the interpreter's lock.
        risky: a record may end or hold up the process that reads it; it costs that record only (:mod:`.risky_jobs`).
        link: link files to the cache's instead of copying them: for directories that nobody edits or keeps.

    Returns:
        One result per job, in the order of ``jobs``.

    Raises:
        DataError: from the function.
        TryAgain: a worker process was killed from outside.
    """
    if len({job.name for job in jobs}) != len(jobs):
        raise ValueError(f"{label}: job names must be unique")
    cache = open_cache(stage.root / stage.runtime.cache_dir, stage.runtime.cache_max_gb)
    identity = (stage.name, stage.identity, label, list(key))
    keys = [cache_key(*identity, job.name, dict(job.inputs)) for job in jobs]
    roots = {role: stage.root / directory for role, directory in outputs.items()}
    for directory in roots.values():
        directory.mkdir(parents=True, exist_ok=True)

    with progress(label, len(jobs), "jobs") as bar:
        results = _known(cache, keys, jobs, roots, link=link)
        bar.advance(len(results))
        todo = [(index, job, keys[index]) for index, job in enumerate(jobs) if index not in results]
        workers = min(stage.runtime.resolved_workers, max(1, len(todo)))
        run = _run_risky(function, todo, cache, workers) if risky else _run(function, todo, cache, workers, threads)
        for index in run:
            made = _restore(cache, keys[index], jobs[index], roots, cached=False, link=link)
            if made is None:
                raise DataError(f"{cache.directory}: a result vanished; do not clean the cache while a stage runs.")
            results[index] = made
            bar.advance()
    if todo:  # only then has the cache grown
        cache.evict()
    stage.record.count_jobs(label, total=len(jobs), cached=len(jobs) - len(todo))
    return [results[index] for index in range(len(jobs))]


def _known(
    cache: ShardCache, keys: Sequence[str], jobs: Sequence[Job], roots: Mapping[str, Path], *, link: bool
) -> dict[int, JobResult]:
    """What the cache has, by the place of the job."""
    found = (_restore(cache, key, job, roots, cached=True, link=link) for key, job in zip(keys, jobs, strict=True))
    return {index: result for index, result in enumerate(found) if result is not None}


def finish_directory(
    results: Sequence[JobResult], role: str, directory: Path, made_from: Mapping[str, str]
) -> Manifest:
    """Write the manifest of one role's directory."""
    shards = [info for result in results for info in result.shards.get(role, [])]
    return write_manifest(directory, shards, made_from)


def _run(
    function: JobFunction, todo: list[tuple[int, Job, str]], cache: ShardCache, workers: int, threads: bool
) -> Iterator[int]:
    if workers == 1:
        for index, job, job_key in todo:
            _compute(function, job, job_key, cache)
            yield index
        return
    calls: dict[int, Call] = {index: (_compute, (function, job, job_key, cache)) for index, job, job_key in todo}
    try:
        with _pool(workers, threads=threads) as pool:
            yield from as_done(pool, calls)
    except BrokenProcessPool:
        raise ended_from_outside() from None


def _run_risky(
    function: JobFunction, todo: list[tuple[int, Job, str]], cache: ShardCache, workers: int
) -> Iterator[int]:
    folder = cache.workspace()
    try:
        tasks = {index: (_compute_watched, (function, job, job_key, cache)) for index, job, job_key in todo}
        yield from run_risky(tasks, workers, folder, _single_threaded)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _compute_watched(given: tuple[JobFunction, Job, str, ShardCache], watch: Watch) -> None:
    _compute(*given, watch)


def _pool(workers: int, *, threads: bool) -> Executor:
    if threads:
        return ThreadPoolExecutor(workers)
    context = multiprocessing.get_context("forkserver")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_single_threaded)


def _single_threaded() -> None:
    """Workers share the cores already: a thread pool in each would only add switching."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = "1"
    pa.set_cpu_count(1)


def _compute(function: JobFunction, job: Job, job_key: str, cache: ShardCache, watch: Watch | None = None) -> None:
    workspace = cache.workspace()
    try:
        writer = OutputWriter(workspace, watch or Watch())
        stats = function(job, writer)
        shards = {role: [info.model_dump() for info in infos] for role, infos in writer.shards.items()}
        cache.put(job_key, workspace, {"shards": shards, "stats": stats})
    finally:
        shutil.rmtree(workspace, ignore_errors=True)


def _restore(
    cache: ShardCache, job_key: str, job: Job, roots: Mapping[str, Path], *, cached: bool, link: bool
) -> JobResult | None:
    """Bring an entry into the output directories; copied unless ``link``: outputs may be edited or made read-only."""
    entry = cache.get(job_key)
    if entry is None:
        return None
    folder, value = entry
    shards = {role: [ShardInfo.model_validate(info) for info in infos] for role, infos in value["shards"].items()}
    for role, infos in shards.items():
        for info in infos:
            source = folder / role / f"{info.name}.parquet"
            if not source.exists():
                source = source.with_name(f"{info.name}{ARROW}")
            target = roots[role] / source.name
            temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
            _bring(source, temporary, link=link)
            temporary.replace(target)
    return JobResult(job=job, shards=shards, stats=value["stats"], cached=cached)


def _bring(source: Path, target: Path, *, link: bool) -> None:
    if link:
        with contextlib.suppress(OSError):  # another file system, or one without links
            os.link(source, target)
            return
    shutil.copyfile(source, target)
