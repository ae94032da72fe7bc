"""Every file in configs/ fits the shipped params.yaml and is the model that its name promises."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from bessemer.config.cross_checks import require_consistent
from bessemer.config.load import Params
from bessemer.config.model import PRESETS
from bessemer.model.presets import build_config, parameter_count

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "configs").glob("*.yaml"))


def merged(base: Any, over: Any) -> Any:
    if not isinstance(base, Mapping) or not isinstance(over, Mapping):
        return over
    return {**base, **{key: merged(base.get(key), value) for key, value in over.items()}}


def with_preset(path: Path) -> Params:
    """The shipped parameters with a preset's sections over them; the sample's shorter context is not a preset's."""
    shipped = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    shipped["pretrain"]["model"] = {}
    return Params.model_validate(merged(shipped, yaml.safe_load(path.read_text(encoding="utf-8"))))


def test_there_is_a_file_for_every_preset_of_shapes() -> None:
    assert sorted(path.stem for path in FILES) == sorted(PRESETS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_fits_the_shipped_parameters_and_trains_the_shape_of_its_name(path: Path) -> None:
    params = with_preset(path)
    require_consistent(params)
    assert params.pretrain.model.preset == path.stem
    assert params.pretrain.sequence_length == params.pretrain.model.shape.context_length
    assert params.pretrain.steps > 100


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_sizes_are_those_of_the_table(path: Path) -> None:
    lines = (ROOT / "configs/README.md").read_text(encoding="utf-8").splitlines()
    (row,) = [line for line in lines if line.startswith(f"| `{path.name}`")]
    _, _, parameters, tokens, context, *_ = (cell.strip() for cell in row.split("|"))
    params = with_preset(path)
    counted = parameter_count(build_config(params.pretrain.model, params.tokenizer.vocab_size))
    assert counted == pytest.approx(number(parameters), rel=5e-3)
    assert params.pretrain.tokens == number(tokens)
    assert params.pretrain.sequence_length == number(context)


def number(shown: str) -> float:
    """2.5B is 2.5e9."""
    scale = {"M": 1e6, "B": 1e9}.get(shown[-1])
    return float(shown[:-1]) * scale if scale else float(shown.replace(",", ""))


def test_the_seven_billion_are_those_of_the_promise() -> None:
    params = with_preset(ROOT / "configs/llama-7b.yaml")
    config = build_config(params.pretrain.model, params.tokenizer.vocab_size)
    assert (config.hidden_size, config.num_hidden_layers, config.num_attention_heads) == (4096, 32, 32)
    assert (params.tokenizer.vocab_size, config.vocab_size, params.pretrain.sequence_length) == (50_000, 50_048, 2048)


def test_the_tiny_one_is_what_the_sample_trains() -> None:
    shipped = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    tiny = yaml.safe_load((ROOT / "configs/tiny.yaml").read_text(encoding="utf-8"))
    for section, values in tiny.items():
        assert merged(shipped[section], values) == shipped[section]
