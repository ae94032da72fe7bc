"""The loop in one process: resume to the bit, interruption, accumulation, steps that are not finite."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from bessemer.errors import ConfigError, GateFailed, TryAgain
from bessemer.progress import Progress, progress
from bessemer.training import run, topology
from bessemer.training.interrupt import interruptible
from bessemer.training.metrics import read_metrics
from bessemer.training.run import Trained, pretrain
from bessemer.training.step import Bounds
from bessemer.training.torch_engine import TorchEngine
from tests.training.conftest import places, runtime, small


def trained(material: Path, scratch: Path, **changes: Any) -> Trained:
    return pretrain(places(material, scratch), small(**changes), runtime(), progress)


def assert_same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> None:
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name


class Signalling(Progress):
    """A bar that sends this process a signal after a number of steps."""

    number, after = signal.SIGTERM, 7

    def advance(self, amount: int = 1, note: str | None = None) -> None:
        super().advance(amount, note)
        if note is not None and self.done == self.after:
            os.kill(os.getpid(), self.number)

    def __enter__(self) -> "Signalling":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_interrupted_and_continued_is_the_same_to_the_bit(material: Path, tmp_path: Path, optimizer: str) -> None:
    whole = trained(material, tmp_path / "whole", optimizer={"name": optimizer})
    params = small(optimizer={"name": optimizer})
    with pytest.raises(TryAgain, match="SIGTERM after step 7"):
        pretrain(places(material, tmp_path / "cut"), params, runtime(), Signalling)
    again = trained(material, tmp_path / "cut", optimizer={"name": optimizer})
    assert_same(whole.weights, again.weights)
    assert read_metrics(tmp_path / "whole") == read_metrics(tmp_path / "cut")


def test_an_echo_of_sigterm_changes_nothing_and_a_second_ctrl_c_ends() -> None:
    heard: list[int] = []
    usual = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    try:
        with interruptible() as interrupt:
            for _ in range(3):
                os.kill(os.getpid(), signal.SIGTERM)
            assert interrupt.name == "SIGTERM"
        assert heard == []
        with interruptible() as interrupt:
            os.kill(os.getpid(), signal.SIGINT)
            assert interrupt.name == "SIGINT"
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGTERM, usual)


def test_a_killed_run_continues_from_its_last_checkpoint_to_the_bit(material: Path, tmp_path: Path) -> None:
    whole = trained(material, tmp_path)
    lines = (tmp_path / "metrics.jsonl").read_text()
    (tmp_path / "step-0000020" / "__0_0.distcp").write_bytes(b"damaged")
    again = trained(material, tmp_path)
    assert_same(whole.weights, again.weights)
    assert (tmp_path / "metrics.jsonl").read_text() == lines


def test_a_finished_run_is_not_trained_again(material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = trained(material, tmp_path)
    monkeypatch.setattr(TorchEngine, "step", lambda *_: pytest.fail("a step was made"))
    assert_same(whole.weights, trained(material, tmp_path).weights)


@pytest.mark.filterwarnings("error::FutureWarning")
def test_micro_batches_and_checkpointed_activations_change_nothing_but_rounding(material: Path, tmp_path: Path) -> None:
    whole = trained(material, tmp_path / "whole", optimizer={"name": "adamw"})
    pieces = pretrain(
        places(material, tmp_path / "pieces"),
        small(optimizer={"name": "adamw"}),
        runtime(micro_batch=2, gradient_checkpointing="full"),
        progress,
    )
    assert pieces.topology.accumulation == 4
    first = [row["loss"] for row in read_metrics(tmp_path / "whole")]
    second = [row["loss"] for row in read_metrics(tmp_path / "pieces")]
    assert second == pytest.approx(first, rel=1e-5)
    for name, tensor in whole.weights.items():
        torch.testing.assert_close(pieces.weights[name], tensor, rtol=0, atol=2e-3)


def poison(monkeypatch: pytest.MonkeyPatch, steps: set[int], value: float) -> None:
    """Put ``value`` into one gradient before the given steps (counted from 1) end."""
    original, count = TorchEngine.step, iter(range(1, 1000))

    def step(self: TorchEngine, factor: float, loss: float, bounds: Bounds) -> Any:
        if next(count) in steps:
            gradient = self.model.model.layers[1].mlp.down_proj.weight.grad
            gradient[0, 0] = value
        return original(self, factor, loss, bounds)

    monkeypatch.setattr(TorchEngine, "step", step)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_step_that_is_not_finite_changes_nothing_and_is_named(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    poison(monkeypatch, {20}, value)
    spoilt = trained(material, tmp_path / "spoilt")
    monkeypatch.undo()
    with pytest.raises(TryAgain):
        pretrain(places(material, tmp_path / "short"), small(), runtime(), type("At18", (Signalling,), {"after": 18}))
    short = trained(material, tmp_path / "short")
    rows = read_metrics(tmp_path / "spoilt")
    assert [row["applied"] for row in rows] == [True] * 19 + [False]
    assert all(bool(torch.isfinite(tensor).all()) for tensor in spoilt.weights.values())
    skipped = spoilt_outcome(tmp_path / "spoilt")
    assert skipped == [
        {"step": 20, "first_sample": 152, "last_sample": 159, "where": "model.layers.1.mlp.down_proj.weight"}
    ]
    assert any(not torch.equal(tensor, short.weights[name]) for name, tensor in spoilt.weights.items())


def spoilt_outcome(scratch: Path) -> Any:
    from bessemer.training.report import read_outcome

    return read_outcome(scratch)["skipped"]


def test_too_many_such_steps_in_a_row_end_the_run(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison(monkeypatch, set(range(3, 100)), float("nan"))
    with pytest.raises(GateFailed, match=r"number 3 in a row and there is no checkpoint to go back to.*learning rates"):
        trained(material, tmp_path, guard={"patience": 2})


def test_a_batch_that_cannot_be_divided_is_refused(material: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not divide the 8 samples"):
        pretrain(places(material, tmp_path), small(), runtime(micro_batch=3), progress)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"batch_tokens": 512, "tokens": 40 * 256}, "batch_tokens 256"),
        ({"optimizer": {"name": "adamw"}}, "optimizer.name muon"),
    ],
)
def test_another_run_s_checkpoint_of_other_steps_or_state_is_refused(
    material: Path, tmp_path: Path, changes: dict[str, Any], named: str
) -> None:
    trained(material, tmp_path / "first")
    after_ten = tmp_path / "first" / "step-0000010"
    places_of = replace(places(material, tmp_path / "second"), resume_from=after_ten)
    with pytest.raises(ConfigError, match=named):
        pretrain(places_of, small(**changes), runtime(), progress)


def test_another_run_s_checkpoint_that_leaves_no_step_to_make_is_refused(material: Path, tmp_path: Path) -> None:
    trained(material, tmp_path / "whole")
    whole, half = (tmp_path / "whole" / f"step-{step:07d}" for step in (20, 10))
    with pytest.raises(ConfigError, match=r"after step 20 and this run has 20 steps.*raise pretrain\.tokens"):
        pretrain(replace(places(material, tmp_path / "new"), resume_from=whole), small(), runtime(), progress)
    pretrain(replace(places(material, tmp_path / "new"), resume_from=half), small(), runtime(), progress)
    assert [row["step"] for row in read_metrics(tmp_path / "new")] == list(range(11, 21))


def test_a_rank_on_a_machine_without_the_folder_asks_nothing_of_its_disk(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def engine(*_: Any) -> Any:
        raise InterruptedError

    second = replace(topology.start(small(), runtime(), tmp_path), rank=1)
    monkeypatch.setattr(run, "start", lambda *_: second)
    monkeypatch.setattr(run, "build_engine", engine)
    with pytest.raises(InterruptedError):
        trained(material, tmp_path / "missing")


def test_one_process_needs_no_deepspeed(material: Path, tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from tests.training.test_loop import trained\n"
        "trained(Path(sys.argv[1]), Path(sys.argv[2]), tokens=512, schedule={'warmup_tokens': 0})\n"
        "sys.exit('deepspeed was imported' if 'deepspeed' in sys.modules else 0)\n"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script, str(material), str(tmp_path)],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
