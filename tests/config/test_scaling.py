"""Learning rates and batches from model and data size: the laws as published, and what ``auto`` makes of them."""

import pytest
from pydantic import ValidationError

from bessemer.config.model import PRESETS
from bessemer.config.pretrain import PretrainParams
from bessemer.config.scaling import (
    ladder_batch,
    ladder_learning_rate,
    step_law_batch,
    step_law_learning_rate,
)

AUTO = {
    "batch_tokens": "auto",
    "optimizer": {
        "muon": {"learning_rate": "auto"},
        "adamw": {"learning_rate": "auto", "embedding_learning_rate": "auto"},
    },
}


@pytest.mark.parametrize(
    ("parameters", "tokens", "step_law", "ladder"),
    [
        (85_000_000, 2_500_000_000, (3.0e-3, 135e3), (2.6e-3, 279e3)),
        (10**9, 2 * 10**10, (1.0e-3, 442e3), (1.1e-3, 1.45e6)),
    ],
)
def test_the_laws_give_the_values_worked_out_in_the_survey_of_the_field(
    parameters: int, tokens: int, step_law: tuple[float, float], ladder: tuple[float, float]
) -> None:
    assert step_law_learning_rate(parameters, tokens) == pytest.approx(step_law[0], rel=0.04)
    assert step_law_batch(tokens) == pytest.approx(step_law[1], rel=0.01)
    assert ladder_learning_rate(parameters) == pytest.approx(ladder[0], rel=0.03)
    assert ladder_batch(parameters) == pytest.approx(ladder[1], rel=0.01)


def test_auto_becomes_numbers_and_says_how() -> None:
    values = {"model": {"preset": "gpt2-124m"}, "tokens": 2_500_000_000, "sequence_length": 1024}
    params = PretrainParams.model_validate(values | AUTO)
    assert params.batch_tokens == 131_072
    assert params.steps == 19_074
    assert params.optimizer.adamw.learning_rate == params.optimizer.adamw.embedding_learning_rate
    assert params.optimizer.adamw.learning_rate == pytest.approx(0.0047 * (84.9 / 108) ** (-1 / 3) / 2, rel=1e-3)
    assert params.optimizer.muon.learning_rate == 0.02
    assert params.derived.keys() == {
        "batch_tokens",
        "optimizer.muon.learning_rate",
        "optimizer.adamw.learning_rate",
        "optimizer.adamw.embedding_learning_rate",
    }
    assert params.derived["optimizer.adamw.learning_rate"].because == (
        "0.0047 · (84.9M / 108M)^(-1/3) / 2 (OLMo ladder, N = 84.9M parameters without embeddings; Step Law says "
        "0.0031)"
    )
    assert "0.58 · D^0.571 = 134,788 tokens (Step Law, D = 2.5e+09 tokens" in params.derived["batch_tokens"].because


def test_muon_scaled_as_adamw_gets_adamws_rate() -> None:
    values = {
        "optimizer": {"muon": {"learning_rate": "auto", "scale": "match_adamw"}, "adamw": AUTO["optimizer"]["adamw"]}
    }  # type: ignore[index]
    optimizer = PretrainParams.model_validate(values).optimizer
    assert optimizer.muon.learning_rate == optimizer.adamw.learning_rate


def test_what_was_derived_is_what_is_recorded_and_read_back() -> None:
    params = PretrainParams.model_validate(AUTO)
    again = PretrainParams.model_validate(params.model_dump(mode="json"))
    assert again.model_dump() == params.model_dump()
    assert again.derived == {}


def test_given_numbers_are_kept_and_bounds_hold() -> None:
    assert PretrainParams().derived == {}
    assert PretrainParams(batch_tokens=512).batch_tokens == 512
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        PretrainParams(batch_tokens=0)
    with pytest.raises(ValidationError, match="valid number"):
        PretrainParams.model_validate({"optimizer": {"muon": {"learning_rate": "automatic"}}})


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_the_n_of_the_laws_are_the_matrices_of_the_layers(preset: str) -> None:
    shape = PRESETS[preset]
    queries, keys = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    layer = [(shape.hidden_size, queries)] * 2 + [(shape.hidden_size, keys)] * 2
    layer += [(shape.hidden_size, shape.intermediate_size)] * 3
    assert shape.layer_parameters == shape.layers * sum(rows * columns for rows, columns in layer)
