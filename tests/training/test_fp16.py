"""fp16 with a scaled loss: it trains as fp32 does, an overflow only lowers the scale, and resume is exact."""

from pathlib import Path
from typing import Any

import pytest
import torch

from bessemer.errors import ConfigError, TryAgain
from bessemer.progress import progress
from bessemer.training.contents import contents
from bessemer.training.loss_scale import GROWTH_STEPS, INITIAL, LossScale
from bessemer.training.metrics import read_metrics
from bessemer.training.report import read_outcome
from bessemer.training.run import Trained, pretrain
from bessemer.training.topology import refuse_impossible
from tests.training.conftest import places, runtime, small
from tests.training.test_guard import of_gradient, spoil


def trained(material: Path, scratch: Path, precision: str = "fp16", until: int | None = None) -> Trained:
    return pretrain(places(material, scratch), small(precision=precision), runtime(), progress, until=until)


def scale_of(scratch: Path) -> Any:
    return contents(scratch / "step-0000020")["loss_scale"].tolist()


def test_the_scale_halves_at_an_overflow_and_doubles_after_a_stretch_without() -> None:
    scale = LossScale()
    scale.overflowed()
    assert scale.value == INITIAL / 2
    for _ in range(GROWTH_STEPS):
        scale.applied()
    assert scale.value == INITIAL
    for _ in range(40):
        scale.overflowed()
    assert scale.value == 1.0
    assert not scale.at_fault


def test_it_trains_as_fp32_does_and_resumes_to_the_bit(material: Path, tmp_path: Path) -> None:
    trained(material, tmp_path / "fp32", "fp32")
    whole = trained(material, tmp_path / "whole")
    losses = [[row["loss"] for row in read_metrics(tmp_path / name)] for name in ("fp32", "whole")]
    assert losses[1] == pytest.approx(losses[0], abs=0.02)
    with pytest.raises(TryAgain):
        trained(material, tmp_path / "cut", until=7)
    again = trained(material, tmp_path / "cut")
    assert read_metrics(tmp_path / "cut") == read_metrics(tmp_path / "whole")
    for name, tensor in whole.weights.items():
        assert torch.equal(tensor, again.weights[name]), name


def test_an_overflow_lowers_the_scale_and_is_no_trouble(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(material, tmp_path / "plain")
    spoil(monkeypatch, {9 * 8}, of_gradient(float("inf")))
    trained(material, tmp_path / "spoilt")
    before, after = scale_of(tmp_path / "plain"), scale_of(tmp_path / "spoilt")
    assert after == [before[0] / 2, 10]
    assert [row["step"] for row in read_metrics(tmp_path / "spoilt") if not row["applied"]] == [10]
    assert read_outcome(tmp_path / "spoilt")["skipped"] == []


def test_with_zero_it_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"fp16.*none, ddp and fsdp2"):
        refuse_impossible(small(precision="fp16", optimizer={"name": "adamw"}), "zero2")
