"""A signal is honoured in every phase: the last step boundary is saved, and the run ends as if it was never asked."""

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from bessemer.config.distributed import DistributedRuntime
from bessemer.errors import TryAgain
from bessemer.progress import progress
from bessemer.training import checkpoint, loop, run
from bessemer.training.checkpoint import CheckpointStore
from bessemer.training.interrupt import Interrupt
from bessemer.training.metrics import read_metrics
from bessemer.training.run import Trained, pretrain
from bessemer.training.torch_engine import TorchEngine
from bessemer.training.watchdog import Watchdog, watching
from tests.training.conftest import places, runtime, small


def settings(**changes: Any) -> DistributedRuntime:
    return runtime(micro_batch=2, **changes)


def trained(material: Path, scratch: Path, **changes: Any) -> Trained:
    return pretrain(places(material, scratch), small(), settings(**changes), progress)


@pytest.fixture(scope="module")
def whole(material: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Trained, Path]:
    scratch = tmp_path_factory.mktemp("whole")
    return trained(material, scratch), scratch


def signalling(function: Callable[..., Any], call: int, number: int) -> Callable[..., Any]:
    """The function, with a signal to this process in the middle of the given call (from 1)."""
    calls = [0]

    def wrapped(*arguments: Any, **options: Any) -> Any:
        calls[0] += 1
        if calls[0] == call:
            os.kill(os.getpid(), number)
        return function(*arguments, **options)

    return wrapped


PHASES: dict[str, tuple[Any, str, int, int]] = {
    # The object, its method that is under way in the phase, the call in which the signal comes, and the step that is
    # saved. A step has four micro-batches; one batch is made before the first.
    "start": (run, "build_model", 1, 0),
    "data": (loop, "collate", 1 + 4 * 6 + 2, 6),
    "micro-batch": (TorchEngine, "accumulate", 4 * 6 + 1, 6),
    "last micro-batch": (TorchEngine, "accumulate", 4 * 7, 7),
    "optimizer": (TorchEngine, "step", 7, 7),
    "validation": (TorchEngine, "evaluate", 3, 10),
    "save": (checkpoint, "file_digest", 1, 10),
}


def at(patch: pytest.MonkeyPatch, phase: str, number: int) -> int:
    """Have the signal come in a phase; the step whose state is to be saved."""
    owner, name, call, step = PHASES[phase]
    patch.setattr(owner, name, signalling(getattr(owner, name), call, number))
    return step


@pytest.mark.parametrize(
    ("phase", "number"),
    [
        ("micro-batch", signal.SIGTERM),
        ("validation", signal.SIGUSR1),
        ("save", signal.SIGTERM),
        *(
            pytest.param(phase, number, marks=pytest.mark.long)
            for phase, number in (
                ("start", signal.SIGUSR1),
                ("data", signal.SIGTERM),
                ("last micro-batch", signal.SIGUSR1),
                ("optimizer", signal.SIGTERM),
            )
        ),
    ],
)
def test_a_signal_in_any_phase_saves_the_step_boundary_and_the_run_ends_as_if_unasked(
    material: Path, tmp_path: Path, whole: tuple[Trained, Path], phase: str, number: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        step = at(patch, phase, number)
        name = signal.Signals(number).name
        with pytest.raises(TryAgain, match=f"stopped by {name} (after step {step};|before a step was made)"):
            trained(material, tmp_path)
    assert CheckpointStore(tmp_path, 1).steps() == ([step] if step else [])
    again = trained(material, tmp_path)
    assert read_metrics(tmp_path) == read_metrics(whole[1])
    for weight, tensor in whole[0].weights.items():
        assert torch.equal(tensor, again.weights[weight]), weight


def test_a_validation_that_was_cut_short_is_made_before_the_next_step_also_after_a_kill(
    material: Path, tmp_path: Path, whole: tuple[Trained, Path]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        at(patch, "validation", signal.SIGTERM)
        with pytest.raises(TryAgain):
            trained(material, tmp_path)
    assert [row["step"] for row in read_metrics(tmp_path)] == list(range(1, 10))
    for _ in range(2):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(TorchEngine, "step", _interrupted)
            with pytest.raises(KeyboardInterrupt):
                trained(material, tmp_path)
    assert [row["step"] for row in read_metrics(tmp_path)] == list(range(1, 11))
    trained(material, tmp_path)
    assert read_metrics(tmp_path) == read_metrics(whole[1])


def _interrupted(*_: Any) -> Any:
    raise KeyboardInterrupt


@pytest.mark.long
def test_a_signal_while_the_model_is_compiled_ends_the_run_at_once(material: Path, tmp_path: Path) -> None:
    bar = _Waiting
    sent: list[float] = []

    def send() -> None:
        bar.begun.wait()
        time.sleep(2.0)  # the first compilation takes far longer
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=send)
    thread.start()
    with pytest.raises(TryAgain, match="SIGTERM after step 0"):
        pretrain(places(material, tmp_path), small(), settings(compile=True), bar)
    assert time.monotonic() - sent[0] < 25.0
    thread.join()
    assert CheckpointStore(tmp_path, 1).steps() == [0]


class _Waiting:
    """A bar that says when the loop begins."""

    begun = threading.Event()

    def __init__(self, *_: Any) -> None:
        pass

    def advance(self, amount: int = 1, note: str | None = None) -> None:
        self.begun.set()

    def __enter__(self) -> "_Waiting":
        return self

    def __exit__(self, *_: object) -> None:
        pass


def forked(body: Callable[[], None]) -> tuple[int, float, str]:
    """Exit code, seconds and standard error of ``body`` in a process of its own."""
    read, write = os.pipe()
    started = time.monotonic()
    child = os.fork()
    if not child:
        os.dup2(write, 2)
        os.close(read)
        try:
            body()
        finally:
            os._exit(99)
    os.close(write)
    with os.fdopen(read) as pipe:
        said = pipe.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), time.monotonic() - started, said


def watchdog(interrupt: Interrupt, **changes: Any) -> Watchdog:
    return Watchdog(interrupt, rank=3, **({"stall_s": 60.0, "end_stalled": False, "grace_s": None} | changes))


def stuck_in_data(interrupt: Interrupt, dog: Watchdog, seconds: float) -> None:
    with watching(dog):
        dog.enter("data", 17)
        time.sleep(seconds)


@pytest.fixture
def interrupt() -> Interrupt:
    return Interrupt()


def test_a_process_that_is_stuck_when_asked_to_end_ends_within_its_grace_with_75(interrupt: Interrupt) -> None:
    interrupt.name, interrupt.since = "SIGTERM", time.monotonic()
    code, seconds, said = forked(lambda: stuck_in_data(interrupt, watchdog(interrupt, grace_s=1.0), 30.0))
    assert code == 75
    assert seconds < 2.0
    assert "rank 3 was asked to end by SIGTERM" in said
    assert "stuck_in_data" in said


@pytest.mark.parametrize("end", [False, True])
def test_a_stall_names_rank_phase_and_stacks_once_and_ends_the_run_if_asked(interrupt: Interrupt, end: bool) -> None:
    dog = watchdog(interrupt, stall_s=0.2, end_stalled=end)
    code, _, said = forked(lambda: stuck_in_data(interrupt, dog, 1.0))
    assert code == (75 if end else 99)
    assert said.count("rank 3 has not moved: it has been in the phase `data` of step 17") == 1
    assert "stuck_in_data" in said


def test_what_moves_is_not_called_a_stall(interrupt: Interrupt, capfd: pytest.CaptureFixture[str]) -> None:
    dog = watchdog(interrupt, stall_s=0.5)
    with watching(dog):
        for step in range(15):
            dog.enter("micro-batch", step)
            time.sleep(0.05)
    assert capfd.readouterr().err == ""
