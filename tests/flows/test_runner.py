"""A stage as a process group: what became of it is told rightly, and ending it leaves nothing behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from flows.runner import Limits, Outcome, StageResult, capture, end_group, run_stage, stage_environment
from tests.flows.conftest import Project


def start(project: Project, name: str, stop: threading.Event | None = None, **limits: float) -> StageResult:
    folder = project.root / ".runs/now"
    folder.mkdir(parents=True, exist_ok=True)
    chosen = Limits(**{"grace_s": 20.0, **limits})
    return run_stage(name, root=project.root, run_folder=folder, limits=chosen, stop=stop or threading.Event())


def alive(path: Path) -> bool:
    """Whether the process whose id is in the file is running."""
    try:
        return psutil.Process(int(path.read_text())).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not (path.exists() and path.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert path.exists(), f"{path.name} was never written"


def test_ran_then_cached_then_restored(project: Project) -> None:
    first = start(project, "read")
    assert first.outcome is Outcome.RAN
    assert "hello from read" in (project.root / first.log).read_text()
    assert start(project, "read").outcome is Outcome.CACHED
    project.params("limit: 3", "limit: 4")
    assert start(project, "read").outcome is Outcome.RAN
    project.params("limit: 4", "limit: 3")
    assert start(project, "read").outcome is Outcome.RESTORED


@pytest.mark.parametrize(
    ("code", "outcome"), [(1, Outcome.FAILED), (2, Outcome.FAILED), (3, Outcome.GATE_FAILED), (4, Outcome.FAILED)]
)
def test_the_stages_own_exit_code_comes_through_dvc(project: Project, code: int, outcome: Outcome) -> None:
    project.behave(read={"code": code})
    result = start(project, "read")
    assert (result.outcome, result.exit_code) == (outcome, code)
    assert result.message == "it was told to fail"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 75), (signal.SIGINT, 75), (signal.SIGKILL, 1)])
def test_a_stage_that_was_asked_to_end_before_it_could_say_so_may_be_tried_again(
    project: Project, number: signal.Signals, code: int
) -> None:
    project.behave(read={"signal": number})
    result = start(project, "read")
    assert (result.outcome, result.exit_code) == (Outcome.FAILED, code)
    assert f"signal {number.value}" in result.message


@pytest.mark.parametrize("kind", [{}, {"stubborn": True}, {"own_session": True}], ids=["kind", "stubborn", "session"])
def test_a_stopped_stage_leaves_no_process(project: Project, kind: dict[str, object]) -> None:
    project.behave(read={"sleep": 300, **kind})
    stop = threading.Event()
    results: list[StageResult] = []
    thread = threading.Thread(target=lambda: results.append(start(project, "read", stop, grace_s=0.5)))
    thread.start()
    wait_for(project.root / "read.pid")
    wait_for(project.root / "child-read.pid")
    stop.set()
    thread.join(60)
    assert results[0].outcome is Outcome.CANCELLED
    assert results[0].exit_code == 75
    assert not alive(project.root / "read.pid")
    assert not alive(project.root / "child-read.pid")


def test_a_stage_is_ended_at_its_deadline(project: Project) -> None:
    project.behave(read={"sleep": 300})
    result = start(project, "read", deadline_s=2.0, grace_s=5.0)
    assert result.outcome is Outcome.TIMED_OUT
    assert "runtime.deadlines_s.read" in result.message
    assert not (project.root / "read.pid").exists() or not alive(project.root / "read.pid")


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_killing_the_runner_ends_dvc(project: Project) -> None:
    project.behave(read={"sleep": 300})
    (project.root / ".runs/now").mkdir(parents=True)
    script = (
        "import threading; from pathlib import Path; from flows.runner import Limits, run_stage\n"
        "run_stage('read', root=Path(), run_folder=Path('.runs/now'), limits=Limits(5.0), stop=threading.Event())"
    )
    runner = subprocess.Popen([sys.executable, "-c", script], cwd=project.root)
    wait_for(project.root / "read.pid")
    children = psutil.Process(runner.pid).children()
    assert children
    os.kill(runner.pid, signal.SIGKILL)
    runner.wait()
    _, left = psutil.wait_procs(children, timeout=30)
    leftover = int((project.root / "read.pid").read_text())
    if psutil.pid_exists(leftover):
        os.killpg(os.getpgid(leftover), signal.SIGKILL)
    assert not left


def test_the_exit_code_of_what_ends_within_its_grace_is_its_own() -> None:
    handler = "import os, signal, time\nsignal.signal(15, lambda *_: (time.sleep(0.15), os._exit(75)))\n"
    code = f"{handler}print(flush=True)\ntime.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    end_group(process, grace_s=20.0)
    assert process.returncode == 75, "0 would say that a stage which was stopped is done"
    process.stdout.close()


def test_a_forced_stage_runs_also_when_nothing_has_changed_and_has_its_share_of_the_workers(finished: Project) -> None:
    folder = finished.root / ".runs/now"
    folder.mkdir(parents=True)
    limits = Limits(20.0, workers=3)
    result = run_stage("side", root=finished.root, run_folder=folder, limits=limits, stop=threading.Event(), force=True)
    assert result.outcome is Outcome.RAN
    assert stage_environment("side", folder, 3)["BESSEMER_WORKERS"] == "3"
    assert "BESSEMER_WORKERS" not in stage_environment("side", folder)


def test_capture_answers_for_missing_and_slow_commands() -> None:
    assert capture([sys.executable, "-c", "print(7)"], timeout_s=30) == (0, "7\n")
    assert capture(["no-such-command-at-all"], timeout_s=5)[0] == 127
    assert capture([sys.executable, "-c", "import time; time.sleep(60)"], timeout_s=0.2)[0] == 124
