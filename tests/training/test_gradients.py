"""The same 32 samples give the same loss and gradients however they are cut. ``-s`` prints the worst figures."""

from pathlib import Path

import pytest

from bessemer.config.distributed import Recomputation, Strategy
from tests.training.gradients import Cut, measure


def report(cut: Cut, worst: float, where: str) -> None:
    masks = "ragged" if cut.ragged else "full"
    rounding = "fp64" if cut.wide else "fp32"
    times = 32 // cut.processes // cut.micro_batch
    print(
        f"\n{cut.strategy}, {cut.processes} × {times} × {cut.micro_batch}, {masks} masks, {rounding}, checkpointing "
        f"{cut.checkpointing}: largest ‖Δg‖/‖g‖ {worst:.2e} ({where})"
    )


@pytest.mark.parametrize("ragged", [False, True], ids=["full", "ragged"])
@pytest.mark.parametrize("micro_batch", [8, 1])
@pytest.mark.parametrize(("wide", "bound"), [(False, 1e-6), (True, 1e-12)], ids=["fp32", "fp64"])
def test_accumulation_changes_neither_loss_nor_gradients(
    tmp_path: Path, micro_batch: int, ragged: bool, wide: bool, bound: float
) -> None:
    whole = measure(Cut(1, 32, "none", ragged, wide), tmp_path)
    cut = Cut(1, micro_batch, "none", ragged, wide)
    worst, where = measure(cut, tmp_path).distance(whole)
    report(cut, worst, where)
    assert worst <= bound, where


@pytest.mark.parametrize("checkpointing", ["selective", "full"])
def test_computing_activations_again_changes_no_gradient_by_a_bit(tmp_path: Path, checkpointing: Recomputation) -> None:
    whole = measure(Cut(1, 8, "none", ragged=True), tmp_path)
    assert measure(Cut(1, 8, "none", ragged=True, checkpointing=checkpointing), tmp_path).distance(whole)[0] == 0.0


@pytest.mark.long
@pytest.mark.parametrize(
    ("strategy", "ragged"), [("ddp", False), ("ddp", True), ("fsdp2", True), ("zero2", True), ("zero3", True)]
)
def test_two_processes_have_the_loss_and_gradients_of_one(
    tmp_path_factory: pytest.TempPathFactory, strategy: Strategy, ragged: bool
) -> None:
    root = tmp_path_factory.getbasetemp() / "gradients"
    whole = measure(Cut(1, 32, "none", ragged), root / "whole")
    cut = Cut(2, 8, strategy, ragged)
    worst, where = measure(cut, root / f"{strategy}-{ragged}").distance(whole)
    report(cut, worst, where)
    assert worst <= 1e-5, where
