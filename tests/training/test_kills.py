"""SIGKILL at any moment: a checkpoint that was committed is never lost, and what loads is never older."""

import multiprocessing
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from bessemer.progress import progress
from bessemer.training.checkpoint import CheckpointStore
from bessemer.training.metrics import read_metrics
from bessemer.training.run import pretrain
from tests.training.conftest import places, runtime, small
from tests.training.test_checkpoint import put

CHANGES = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree")


def killed_at(event: int, body: Callable[[], object]) -> bool:
    """Run ``body`` in a process that gets SIGKILL at its nth change of the file system; False if it has not so many."""
    child = os.fork()
    if not child:
        left = [event]

        def count(name: str, arguments: tuple[object, ...]) -> None:
            if name in CHANGES:
                left[0] -= 1
                if not left[0]:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        try:
            body()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


@pytest.mark.parametrize("keep", [1, pytest.param(2, marks=pytest.mark.long)])
def test_killed_at_any_change_of_a_save_the_last_committed_or_the_new_one_loads(tmp_path: Path, keep: int) -> None:
    kills = 0
    directory = tmp_path / "run"
    put(CheckpointStore(directory, keep), 1)
    for event, step in enumerate(range(2, 200), start=1):
        committed = CheckpointStore(directory, keep).steps()[-1]
        if not killed_at(event, lambda step=step: put(CheckpointStore(directory, keep), step)):  # type: ignore[misc]
            break
        kills += 1
        found = CheckpointStore(directory, keep).newest(pytest.fail)
        assert found is not None
        assert found[1].step in (committed, step)
    else:
        pytest.fail("a save never came to its end")
    assert kills > 20
    put(CheckpointStore(directory, keep), 200)
    assert not [path for path in directory.iterdir() if path.name.startswith(".")]


def test_a_damaged_older_checkpoint_does_not_push_out_a_whole_one(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path, keep=2)
    put(store, 10)
    (put(store, 20) / "weights").write_bytes(b"cut")
    put(store, 30)
    assert store.steps() == [10, 30]


def test_nothing_is_dropped_for_a_checkpoint_that_reads_otherwise_than_it_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = CheckpointStore(tmp_path, keep=1)
    put(store, 10)
    rename = Path.rename

    def losing(self: Path, target: Path) -> Path:
        moved = rename(self, target)
        if moved.name == "step-0000020":
            data = bytearray((moved / "weights").read_bytes())
            data[500] ^= 1
            (moved / "weights").write_bytes(data)
        return moved

    monkeypatch.setattr(Path, "rename", losing)
    with pytest.raises(Exception, match="the disk loses what it is given"):
        put(store, 20)
    found = store.newest(lambda sentence: None)
    assert found is not None
    assert found[1].step == 10


def _train(material: Path, scratch: Path) -> None:
    pretrain(places(material, scratch), _params(), runtime(checkpoint_steps=1, micro_batch=4), progress)


def _params() -> object:
    return small(tokens=100 * 256, validation={"every_tokens": 2560, "tokens": 256})


@pytest.mark.long
def test_killed_at_thirty_random_moments_a_run_never_falls_behind_and_ends_to_the_bit(
    material: Path, tmp_path: Path
) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.training.test_kills"])
    whole = pretrain(places(material, tmp_path / "whole"), _params(), runtime(micro_batch=4), progress)  # type: ignore[arg-type]
    scratch, chance, in_a_save = tmp_path / "killed", random.Random(7), 0
    store, kills = CheckpointStore(scratch, 2), 0
    while kills < 30:
        known = store.steps()[-1] if store.steps() else 0
        process = context.Process(target=_train, args=(material, scratch))
        process.start()
        wanted = known + chance.choice((0, 1, 1, 2))
        while process.is_alive() and (store.steps() or [0])[-1] < wanted:
            time.sleep(0.001)
        time.sleep(chance.uniform(0.0, 0.15))
        assert process.pid is not None
        seen = (store.steps() or [0])[-1]
        in_a_save += bool(list(scratch.glob(".saving-*")))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        kills += 1
        found = store.newest(pytest.fail)
        assert (found[1].step if found else 0) >= seen >= known
    print(f"\n{in_a_save} of 30 kills came inside a save")
    assert in_a_save > 3
    again = pretrain(places(material, scratch), _params(), runtime(micro_batch=4), progress)  # type: ignore[arg-type]
    assert read_metrics(scratch) == read_metrics(tmp_path / "whole")
    for name, tensor in whole.weights.items():
        assert torch.equal(tensor, again.weights[name]), name
