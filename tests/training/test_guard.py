"""What the guard calls a spike, which batches it leaves out, and that a spoilt step, loss or weight leaves no trace."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bessemer.config.pretrain import GuardParams
from bessemer.errors import GateFailed
from bessemer.progress import progress
from bessemer.training import loop
from bessemer.training.guard import Gap, Guard
from bessemer.training.metrics import read_metrics
from bessemer.training.report import read_outcome
from bessemer.training.run import Trained, pretrain
from bessemer.training.step import Bounds, Step
from bessemer.training.torch_engine import TorchEngine
from tests.training.conftest import places, runtime, small

GUARD = {"patience": 2, "rollbacks": 2}


def trained(material: Path, scratch: Path, **guard: Any) -> Trained:
    return pretrain(
        places(material, scratch), small(guard=GUARD | guard), runtime(checkpoint_steps=4, micro_batch=4), progress
    )


def fed(losses: list[float], norms: list[float]) -> Guard:
    guard = Guard()
    for number, (loss, norm) in enumerate(zip(losses, norms, strict=True), start=1):
        guard.watch(GuardParams(), number, range(8), loss, Step(norm, applied=True), ())
    return guard


def deviation(values: list[float]) -> float:
    middle = np.median(values)
    ninth = np.quantile(values, 0.9, method="lower")
    return float(max(1.4826 * np.median(np.abs(values - middle)), (ninth - middle) / 1.2816))


def test_a_bound_is_so_many_robust_deviations_above_the_median() -> None:
    rng = np.random.default_rng(0)
    losses, norms = (3 + 0.5 * rng.standard_normal(128)).tolist(), np.exp(0.3 * rng.standard_normal(128)).tolist()
    bounds = fed(losses, norms).bounds(GuardParams(spike=6.0))
    assert bounds.loss == pytest.approx(np.median(losses) + 6 * deviation(losses))
    logs = np.log(norms).tolist()
    assert bounds.grad_norm == pytest.approx(math.exp(np.median(logs) + 6 * deviation(logs)))


def test_a_batch_in_seven_of_a_rare_language_is_no_spike_but_a_wild_loss_is() -> None:
    """Figures as in the sample's run: 0.46 is the usual gradient norm there, 3 to 6 that of a rare batch."""
    rng = np.random.default_rng(1)
    rare = np.arange(128) % 7 == 3
    losses = (np.where(rare, 5.1, 4.6) + 0.15 * rng.standard_normal(128)).tolist()
    norms = (np.where(rare, 4.0, 0.46) * np.exp(0.2 * rng.standard_normal(128))).tolist()
    bounds = fed(losses, norms).bounds(GuardParams(spike=6.0))
    assert max(losses) < bounds.loss < 8
    assert max(norms) < bounds.grad_norm


def test_one_wild_value_hardly_moves_a_bound() -> None:
    quiet = [3.0 + 0.01 * (number % 7) for number in range(128)]
    calm = fed(quiet, [1.0] * 128).bounds(GuardParams())
    wild = fed([*quiet[:-1], 1e6], [1.0] * 128).bounds(GuardParams())
    assert wild.loss == pytest.approx(calm.loss, rel=0.01)


def test_another_phase_of_the_mixture_is_judged_by_its_own_losses() -> None:
    guard = fed([3.0] * 64, [1.0] * 64)
    guard.enter(0)
    assert not guard.bounds(GuardParams()).allow(3.6, 1.0)
    guard.enter(1)
    assert guard.bounds(GuardParams()).allow(3.6, 1.0)


def test_there_is_no_spike_before_half_a_window_nor_without_the_parameter() -> None:
    assert fed([3.0] * 63, [1.0] * 63).bounds(GuardParams()) == Bounds()
    assert fed([3.0] * 64, [1.0] * 64).bounds(GuardParams()) != Bounds()
    assert fed([3.0] * 64, [1.0] * 64).bounds(GuardParams(spike=None)) == Bounds()


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 5)), max_size=4), st.integers(1, 60))
def test_steps_read_all_batches_but_those_left_out_once_and_in_order(found: list[tuple[int, int]], steps: int) -> None:
    gaps, free = [], 0
    for apart, batches in found:
        gaps.append(Gap(first=free + apart, batches=batches))
        free = gaps[-1].first + batches
    left_out = {batch for gap in gaps for batch in range(gap.first, gap.first + gap.batches)}
    expected = [batch for batch in range(200) if batch not in left_out][:steps]
    assert [Guard(gaps=gaps).batch(step) for step in range(steps)] == expected


def test_going_back_too_often_ends_the_run() -> None:
    guard = Guard(in_a_row=3, suspects=[4, 5, 6], rollbacks=[{}, {}])
    with pytest.raises(GateFailed, match="gone back 2 times already"):
        guard.gone_back(Guard(), GuardParams(rollbacks=2), at=7, to=4, batch=8, blame=True)


def spoil(monkeypatch: pytest.MonkeyPatch, samples: set[int], how: Callable[[TorchEngine, Any], Any]) -> None:
    """Apply ``how`` to engine and loss of each micro-batch that holds one of the samples, each time it is read."""
    collate, accumulate, current = loop.collate, TorchEngine.accumulate, [False]

    def noting(windows: Any, indices: Any, device: Any) -> Any:
        current[0] = bool(samples & set(indices.tolist()))
        return collate(windows, indices, device)

    def spoilt(self: TorchEngine, inputs: Any, predicted: int, last: bool) -> Any:
        loss = accumulate(self, inputs, predicted, last)
        return how(self, loss) if current[0] else loss

    monkeypatch.setattr(loop, "collate", noting)
    monkeypatch.setattr(TorchEngine, "accumulate", spoilt)


def of_gradient(value: float) -> Callable[[TorchEngine, Any], Any]:
    def how(engine: TorchEngine, loss: Any) -> Any:
        engine.model.model.layers[1].mlp.down_proj.weight.grad[0, 0] = value
        return loss

    return how


def of_loss(engine: TorchEngine, loss: Any) -> Any:
    return torch.full_like(loss, float("nan"))


def record_steps(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bool, bool]]:
    """For each step: was it applied, and did any bit of weights or optimizer change."""
    found, step = [], TorchEngine.step

    def snapshot(engine: TorchEngine) -> list[torch.Tensor]:
        state = engine._state()
        return [tensor.detach().clone() for kind in ("model", "optimizer") for tensor in state[kind].values()]

    def comparing(self: TorchEngine, *arguments: Any) -> Step:
        before = snapshot(self)
        result = step(self, *arguments)
        changed = any(not torch.equal(one, other) for one, other in zip(before, snapshot(self), strict=True))
        found.append((result.applied, changed))
        return result

    monkeypatch.setattr(TorchEngine, "step", comparing)
    return found


@pytest.mark.parametrize(
    ("how", "where"),
    [
        (of_gradient(float("nan")), "model.layers.1.mlp.down_proj.weight"),
        (of_gradient(float("inf")), "model.layers.1.mlp.down_proj.weight"),
        (of_loss, "the loss alone"),
    ],
    ids=["nan in a gradient", "infinite gradient", "nan in a loss"],
)
def test_a_step_that_is_not_finite_changes_no_bit_its_samples_are_named_and_the_run_goes_on(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: Any, where: str
) -> None:
    spoil(monkeypatch, {9 * 8 + 3}, how)
    steps = record_steps(monkeypatch)
    trained(material, tmp_path)
    assert steps == [(True, True)] * 9 + [(False, False)] + [(True, True)] * 10
    outcome = read_outcome(tmp_path)
    assert outcome["skipped"] == [{"step": 10, "first_sample": 72, "last_sample": 79, "where": where}]
    assert outcome["rollbacks"] == []


def test_a_spike_is_not_applied_either(material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil(monkeypatch, {15 * 8}, of_gradient(1e4))
    steps = record_steps(monkeypatch)
    trained(material, tmp_path, window=8)
    assert steps == [(True, True)] * 15 + [(False, False)] + [(True, True)] * 4
    assert [item["where"] for item in read_outcome(tmp_path)["skipped"]] == ["spike"]


def test_repeated_trouble_goes_back_to_the_checkpoint_before_it_and_leaves_its_batches_out(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Batches 10 to 14 are bad: steps 11, 12 and 13 are too many, the run goes back to 8; then 13 and 14 are borne.
    spoil(monkeypatch, {batch * 8 for batch in (10, 11, 12)}, of_gradient(float("nan")))
    found = trained(material, tmp_path / "spoilt")
    outcome = read_outcome(tmp_path / "spoilt")
    assert outcome["rollbacks"] == [{"at_step": 13, "to_step": 8, "first_sample": 80, "last_sample": 103}]
    assert [item["step"] for item in outcome["skipped"]] == [11, 12, 13]
    assert "goes back from step 13 to step 8, and on from there without samples 80 to 103" in capsys.readouterr().out
    rows = read_metrics(tmp_path / "spoilt")
    assert [row["step"] for row in rows] == list(range(1, 21))
    assert all(row["applied"] for row in rows)

    # The same run as one that never saw these batches.
    monkeypatch.undo()
    monkeypatch.setattr(Guard, "batch", lambda self, step: step + 3 * (step >= 10))
    never = trained(material, tmp_path / "never")
    assert read_metrics(tmp_path / "never") == rows
    for name, tensor in never.weights.items():
        assert torch.equal(tensor, found.weights[name]), name


def test_a_damaged_weight_is_restored_from_the_last_checkpoint_and_blames_no_batch(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    healthy = trained(material, tmp_path / "healthy")
    struck = [False]

    def strike(engine: TorchEngine, loss: Any) -> Any:
        if not struck[0]:
            struck[0] = True
            with torch.no_grad():
                engine.model.model.layers[0].mlp.up_proj.weight[3, 3] = float("nan")
        return loss

    spoil(monkeypatch, {10 * 8}, strike)
    found = trained(material, tmp_path / "struck")
    assert read_outcome(tmp_path / "struck")["rollbacks"] == [
        {"at_step": 11, "to_step": 8, "first_sample": None, "last_sample": None}
    ]
    assert "the weight model.layers.0.mlp.up_proj.weight" in read_outcome(tmp_path / "struck")["skipped"][0]["where"]
    for name, tensor in healthy.weights.items():
        assert torch.equal(tensor, found.weights[name]), name


def test_what_the_guard_knows_survives_a_kill(material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil(monkeypatch, {batch * 8 for batch in (10, 11, 12)}, of_gradient(float("nan")))
    whole = trained(material, tmp_path / "whole", window=8)

    class Killed(BaseException):
        pass

    def kill_after(step: int) -> Callable[..., Any]:
        write = loop.MetricsLog.write

        def writing(self: Any, row: Any) -> None:
            write(self, row)
            if row["step"] == step:
                raise Killed

        return writing

    for step in (11, 17):
        with monkeypatch.context() as patch:
            patch.setattr(loop.MetricsLog, "write", kill_after(step))
            with pytest.raises(Killed):
                trained(material, tmp_path / "killed", window=8)
    again = trained(material, tmp_path / "killed", window=8)
    assert read_metrics(tmp_path / "killed") == read_metrics(tmp_path / "whole")
    outcomes = [read_outcome(tmp_path / name) for name in ("whole", "killed")]
    assert [outcome["rollbacks"] for outcome in outcomes] == [outcomes[0]["rollbacks"]] * 2
    assert [outcome["skipped"] for outcome in outcomes] == [outcomes[0]["skipped"]] * 2
    for name, tensor in whole.weights.items():
        assert torch.equal(tensor, again.weights[name]), name
