"""How a stage runs: its parameters checked, its report written, its end recorded, its exit code honest.

A stage module is a ``main`` from context to report and one line::

    if __name__ == "__main__":
        run_stage("curate", main, curate=CurateParams)
"""

import contextlib
import ctypes
import json
import logging
import os
import platform
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import psutil
from pydantic import BaseModel, RootModel

from bessemer.code import code_digest, package_versions
from bessemer.config.read import parse, read_yaml
from bessemer.config.runtime import Runtime, load_runtime
from bessemer.energy import EnergyMeter
from bessemer.errors import BessemerError, GateFailed
from bessemer.garbage import collect_as_usual
from bessemer.process_end import leave
from bessemer.progress import Progress, progress
from bessemer.reporting.report import StageReport, write_report
from bessemer.shards import write_json

RUN_ENVIRONMENT = "BESSEMER_RUN"
TRACEBACK_ENVIRONMENT = "BESSEMER_TRACEBACK"
RANK_ENVIRONMENT = "RANK"
RECORD_ENVIRONMENT = "BESSEMER_RECORD"
"""File in which a process that another one of the same stage has started leaves its record, to speak through that."""
PARAMS = "params.yaml"


@dataclass
class RunRecord:
    """What is volatile about a run of a stage, written to ``.runs/<run>/<stage>.json`` and never to an output."""

    run: str
    stage: str
    started: float = field(default_factory=time.time)
    jobs: dict[str, dict[str, int]] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)

    def note(self, key: str, value: Any) -> None:
        """Keep a JSON-able fact: a throughput, a device, a resolved setting."""
        self.notes[key] = value

    def take_over(self, facts: Mapping[str, Any]) -> None:
        """Keep what another process of the stage has noted in its record, given as it was written."""
        self.jobs |= facts.get("jobs", {})
        self.notes |= facts.get("notes", {})

    def count_jobs(self, label: str, *, total: int, cached: int) -> None:
        """Keep how many jobs of a map there were, and how many the shard cache answered."""
        self.jobs[label] = {"total": total, "cached": cached}


@dataclass(frozen=True)
class StageContext:
    """What a stage is given.

    Attributes:
        name: of the stage.
        sections: its validated sections of params.yaml, by name; the first is its own.
        runtime: execution settings.
        root: of the checkout.
        record: volatile facts go here.
        module: dotted name of the stage's module; its import closure is part of every cache key.
    """

    name: str
    sections: Mapping[str, Any]
    runtime: Runtime
    root: Path
    record: RunRecord
    module: str

    @property
    def section(self) -> Any:
        """The stage's own parameters."""
        return next(iter(self.sections.values()))

    @property
    def identity(self) -> list[Any]:
        """JSON-able parts of every cache key of this stage: parameters and digest of the code."""
        values = {name: section.model_dump(mode="json") for name, section in self.sections.items()}
        return [values, code_digest(self.module)]

    def progress(self, label: str, total: int, unit: str) -> AbstractContextManager[Progress]:
        """A progress bar for ``total`` ``unit``."""
        return progress(label, total, unit)


def load_sections(root: Path, sections: Mapping[str, type[BaseModel]]) -> dict[str, Any]:
    """Sections of params.yaml, each validated by the model given for it.

    Raises:
        ConfigError: a key is unknown or a value out of bounds.
    """
    values = read_yaml(root / PARAMS)
    loaded: dict[str, Any] = {}
    for name, model in sections.items():
        empty: object = [] if issubclass(model, RootModel) else {}
        loaded[name] = parse(model, values.get(name) or empty, PARAMS, name)
    return loaded


def run_stage(name: str, main: Callable[[StageContext], StageReport], **sections: type[BaseModel]) -> None:
    """Run ``main`` as the process of a stage, and exit.

    Args:
        name: of the stage, as in dvc.yaml.
        main: makes the stage's outputs and returns its report.
        sections: section name to its model; the stage's own first. They must be those that dvc.yaml lists.
    """
    collect_as_usual()
    _die_with_parent()
    _end_in_order_on_sigterm()
    root = Path.cwd()
    record = RunRecord(run=os.environ.get(RUN_ENVIRONMENT) or _default_run(), stage=name)
    energy = EnergyMeter()
    error: BaseException | None = None
    try:
        runtime = load_runtime(root)
        logging.basicConfig(level=runtime.log_level.upper(), format="%(message)s", stream=sys.stdout)
        loaded = load_sections(root, sections)
        context = StageContext(name, loaded, runtime, root, record, module=f"stages.{name}")
        _finish(context, main(context))
    except BaseException as raised:
        error = raised
    code = _exit_code(error)
    path = _record_path(root, record)
    if path is not None:
        _write_record(path, record, code, error, energy.joules())
    if error is not None:
        _say(name, error)
    leave(code)


def publish(context: StageContext, report: StageReport) -> None:
    """Write the report and its page. ``run_stage`` does so; a stage calls it before it raises because of its result."""
    from bessemer.reporting.html import render_stage_page

    directory = context.root / "reports" / context.name
    write_report(report, directory)
    render_stage_page(report, directory)


def _finish(context: StageContext, report: StageReport) -> None:
    publish(context, report)
    if report.failed:
        first = report.failed[0]
        others = f" and {len(report.failed) - 1} more" if len(report.failed) > 1 else ""
        raise GateFailed(
            f"{first.metric} is {first.value:g}, the bound is {first.op} {first.threshold:g}{others}: {first.reason}. "
            f"See reports/{context.name}/index.html."
        )


def _exit_code(error: BaseException | None) -> int:
    if error is None:
        return 0
    if isinstance(error, BessemerError):
        return error.exit_code
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    if isinstance(error, KeyboardInterrupt):
        return 75
    return 1


def _sentence(error: BaseException) -> str:
    """What the stage says of its end, on the terminal and in its record."""
    if isinstance(error, BessemerError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return "interrupted; run it again to continue."
    if isinstance(error, SystemExit):
        return "" if error.code in (None, 0) else f"ended with exit code {error.code}"
    return f"this is a bug ({type(error).__name__}: {error}); please report it."


def _say(name: str, error: BaseException) -> None:
    """Print why the stage ends. A process that has a parent of the same stage leaves what is expected to that one."""
    expected = isinstance(error, BessemerError | KeyboardInterrupt)
    if isinstance(error, SystemExit) or (expected and RECORD_ENVIRONMENT in os.environ):
        return
    rank = os.environ.get(RANK_ENVIRONMENT, "0")
    speaker = name if rank == "0" else f"{name}: rank {rank}"
    if not expected:
        traceback.print_exception(error)
    print(f"bessemer: {speaker}: {_sentence(error)}", file=sys.stderr)
    if isinstance(error, BessemerError) and os.environ.get(TRACEBACK_ENVIRONMENT):
        traceback.print_exception(error)


def _record_path(root: Path, record: RunRecord) -> Path | None:
    """Where this process leaves its record; of several that nobody of the stage has started only the first does."""
    if RECORD_ENVIRONMENT in os.environ:
        return Path(os.environ[RECORD_ENVIRONMENT])
    if os.environ.get(RANK_ENVIRONMENT, "0") != "0":
        return None
    return root / ".runs" / record.run / f"{record.stage}.json"


def _write_record(path: Path, record: RunRecord, code: int, error: BaseException | None, joules: float | None) -> None:
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    finished = time.time()
    facts = {
        "run": record.run,
        "stage": record.stage,
        "started": record.started,
        "finished": finished,
        "wall_s": round(finished - record.started, 3),
        "cpu_s": round(sum(item.ru_utime + item.ru_stime for item in usage) + _seconds_of_descendants(), 3),
        "peak_memory_bytes": max(item.ru_maxrss for item in usage) * (1 if sys.platform == "darwin" else 1024),
        "energy_j": joules,
        "exit_code": code,
        "error": None if error is None else _sentence(error) or None,
        "host": platform.node(),
        "python": platform.python_version(),
        "packages": package_versions(f"stages.{record.stage}"),
        "jobs": record.jobs,
        "notes": record.notes,
    }
    write_json(path, json.loads(json.dumps(facts, default=str)))
    for label, jobs in record.jobs.items():
        if jobs["cached"]:
            print(f"{record.stage}: {label}: {jobs['cached']} of {jobs['total']} jobs from the shard cache")


def _seconds_of_descendants() -> float:
    """Processor time of what runs below this process, and of what ended there, such as a pool's workers."""
    seconds = 0.0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            seconds += times.user + times.system + times.children_user + times.children_system
    return seconds


def _default_run() -> str:
    """A name shared by the stages of one plain ``dvc repro``: that of the process which started them."""
    parent = psutil.Process(os.getppid())
    return f"dvc-{time.strftime('%Y%m%d-%H%M%S', time.gmtime(parent.create_time()))}"


def _die_with_parent() -> None:
    """Ask Linux to end this process with its parent (prctl(2)), so that no stage outlives a killed DVC."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGTERM)


def _end_in_order_on_sigterm() -> None:
    """Let SIGTERM and SIGUSR1 end the stage as Ctrl-C does, with its record and exit code 75.

    A rank keeps the kernel's answer: it may be waiting for another rank in native code, where Python hears no signal.
    Its launcher says the same of it.
    """
    if RANK_ENVIRONMENT in os.environ:
        return

    def end(number: int, frame: FrameType | None) -> None:
        signal.signal(number, ignore_repeated)
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, end)


def ignore_repeated(number: int, frame: FrameType | None) -> None:
    """Handler of a SIGTERM after the first: who ends a process group ends DVC too, and DVC's end sends another one."""
