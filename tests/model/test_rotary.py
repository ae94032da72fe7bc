"""Rotary frequencies against transformers', and what each way of stretching is for."""

import math
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from bessemer.config.model import ModelParams
from bessemer.model.presets import build_config
from bessemer.model.rotary import inverse_frequencies, rotary_tables, rotate, yarn_magnitude
from tests.model.builders import SMALL

CPU = torch.device("cpu")
SCALED: list[dict[str, Any]] = [
    {"name": "linear", "factor": 4.0},
    {"name": "llama3", "factor": 32.0, "original_context": 8192},
    {"name": "llama3", "factor": 8.0, "original_context": 256, "low_frequency_factor": 2.0},
    {"name": "yarn", "factor": 16.0, "original_context": 4096},
    {"name": "yarn", "factor": 2.0, "original_context": 64, "beta_fast": 8.0},
]


def rope_of(scaling: dict[str, Any], theta: float = 10_000.0, head_dim: int = 64) -> Any:
    values = {**SMALL, "rope_theta": theta, "head_dim": head_dim, "rope_scaling": scaling}
    context = int(scaling.get("factor", 1.0) * scaling.get("original_context", 64))
    return build_config(ModelParams.model_validate(values | {"context_length": context}), 128)


@pytest.mark.parametrize("scaling", SCALED, ids=lambda scaling: f"{scaling['name']}-{scaling['factor']:g}")
@pytest.mark.parametrize(("theta", "head_dim"), [(10_000.0, 64), (500_000.0, 128), (10_000.0, 16)])
def test_frequencies_are_those_of_transformers(scaling: dict[str, Any], theta: float, head_dim: int) -> None:
    config = rope_of(scaling, theta, head_dim)
    expected, magnitude = ROPE_INIT_FUNCTIONS[scaling["name"]](config, CPU)
    found, ours = inverse_frequencies(config.rope, head_dim, CPU)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=0.0)
    assert ours == pytest.approx(magnitude, rel=1e-12)


def test_linear_stretching_is_the_plain_rotation_at_a_fraction_of_the_position() -> None:
    plain, linear = rope_of({"name": "none"}).rope, rope_of({"name": "linear", "factor": 4.0}).rope
    far = torch.tensor([[400, 44, 8]])
    for stretched, expected in zip(rotary_tables(linear, far, 64), rotary_tables(plain, far // 4, 64), strict=True):
        torch.testing.assert_close(stretched, expected)


@pytest.mark.parametrize("name", ["llama3", "yarn"])
def test_fast_frequencies_stay_and_slow_ones_are_divided(name: str) -> None:
    plain, _ = inverse_frequencies(rope_of({"name": "none"}).rope, 64, CPU)
    rope = rope_of({"name": name, "factor": 8.0, "original_context": 2048}).rope
    shares = inverse_frequencies(rope, 64, CPU)[0] / plain
    assert float(shares[0]) == 1.0
    assert float(shares[-1]) == pytest.approx(1 / 8)
    assert bool((shares.diff() <= 0).all())


def test_yarn_sharpens_attention_by_the_square_of_its_magnitude() -> None:
    assert yarn_magnitude(1.0) == 1.0
    assert yarn_magnitude(math.e**10) == pytest.approx(2.0)
    rope = rope_of({"name": "yarn", "factor": 16.0, "original_context": 4096}).rope
    heads = torch.randn(1, 1, 3, 64, generator=torch.Generator().manual_seed(0))
    turned = rotate(heads, rotary_tables(rope, torch.tensor([[0, 7, 900]]), 64))
    expected = heads.norm(dim=-1) * yarn_magnitude(16.0)
    torch.testing.assert_close(turned.norm(dim=-1), expected)


@pytest.mark.parametrize("name", ["llama3", "yarn"])
def test_a_context_that_is_not_stretched_is_refused(name: str) -> None:
    for original in (64, 8192):
        scaling = {"name": name, "original_context": original}
        with pytest.raises(
            ValidationError, match=rf"original_context \({original}\) must be below context_length \(64\)"
        ):
            ModelParams.model_validate({**SMALL, "rope_scaling": scaling})
