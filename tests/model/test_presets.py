"""Presets: their sizes, their cost by an independent counter, and where the initial weights come from."""

import pytest
import torch
from pydantic import ValidationError
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from bessemer.config.model import PRESETS, ModelParams
from bessemer.model.config import BessemerConfig
from bessemer.model.modeling import BessemerForCausalLM
from bessemer.model.presets import build_config, build_model, flops_per_token, matmul_parameters, parameter_count
from tests.model.builders import SMALL, random_tokens, small_model


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.parametrize("tied", [True, False])
def test_parameters_are_counted_as_the_model_has_them(preset: str, tied: bool) -> None:
    config = build_config(ModelParams(preset=preset, tie_embeddings=tied), 50_000)  # type: ignore[arg-type]
    with torch.device("meta"):
        model = BessemerForCausalLM(config)
    assert parameter_count(config) == sum(parameter.numel() for parameter in model.parameters())
    embedding = config.vocab_size * config.hidden_size
    norms = sum(parameter.numel() for parameter in model.parameters() if parameter.dim() == 1)
    assert matmul_parameters(config) == parameter_count(config) - norms - (0 if tied else embedding)


@pytest.mark.parametrize(
    ("preset", "vocabulary", "published"),
    [("llama-7b", 32_000, 6_738_415_616), ("llama-1b", 128_256, 1_235_814_400), ("gpt2-124m", 50_257, 123_587_328)],
)
def test_presets_have_the_published_sizes(preset: str, vocabulary: int, published: int) -> None:
    config = build_config(ModelParams(preset=preset), vocabulary)  # type: ignore[arg-type]
    assert parameter_count(config) == pytest.approx(published, rel=2e-3)


def test_the_default_is_three_million_parameters() -> None:
    assert parameter_count(build_config(ModelParams(), 8_192)) == 3_147_968


def test_a_configuration_has_no_sizes_but_those_it_is_given() -> None:
    given = build_config(ModelParams(), 8_192).to_dict()
    assert BessemerConfig(**given).rope == given["rope_parameters"]
    for name in (
        "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
        "num_key_value_heads", "head_dim", "max_position_embeddings", "qk_norm", "tie_word_embeddings",
        "init_output", "initializer_range", "rms_norm_eps", "rope_parameters",
    ):  # fmt: skip
        with pytest.raises(TypeError, match=name):
            BessemerConfig(**{key: value for key, value in given.items() if key != name})


@pytest.mark.parametrize("qk_norm", [True, False])
def test_operations_agree_with_a_counter_that_watches_every_product(qk_norm: bool) -> None:
    model = small_model(attention="eager", qk_norm=qk_norm)
    tokens = random_tokens(2, 64)
    logits = model(tokens, use_cache=False, return_logits=True).logits
    with FlopCounterMode(display=False) as counter:
        logits = model(tokens, use_cache=False).logits
        logits.sum().backward()
    assert flops_per_token(model.config, 64).palm * tokens.numel() == pytest.approx(counter.get_total_flops(), rel=0.01)


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.parametrize("tied", [True, False])
def test_a_training_step_of_every_preset_has_the_operations_that_are_stated(
    preset: str, tied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # transformers looks into the positions to make a mask, and tensors without contents cannot be looked into
    monkeypatch.setattr("bessemer.model.modeling.create_causal_mask", lambda *_: None)
    config = build_config(ModelParams(preset=preset, tie_embeddings=tied), 50_000)  # type: ignore[arg-type]
    config._attn_implementation = "eager"
    length = 128
    with FakeTensorMode(), FlopCounterMode(display=False) as counter:
        model, tokens = BessemerForCausalLM(config), torch.zeros(2, length, dtype=torch.int64)
        model(tokens, shift_labels=tokens, num_items_in_batch=tokens.numel()).loss.backward()
    counted = counter.get_total_flops() / tokens.numel()
    stated = flops_per_token(config, length).palm
    print(f"{preset}, {'tied' if tied else 'untied'}: {stated:,} stated, {counted:,.0f} counted")
    assert stated == pytest.approx(counted, rel=0.01)


def test_a_causal_mask_leaves_half_of_the_attention() -> None:
    config = build_config(ModelParams(), 8_192)
    flops, weights = flops_per_token(config, 512), 6 * matmul_parameters(config)
    assert flops.palm - weights == 2 * (flops.causal - weights) == 12 * 4 * 3 * 64 * 512


def test_the_last_matrix_of_a_branch_begins_smaller_or_at_zero() -> None:
    scaled, zero = (small_model(init_output=how, layers=8, hidden_size=128) for how in ("scaled", "zero"))
    for layer in scaled.model.layers:
        assert float(layer.mlp.up_proj.weight.std()) == pytest.approx(0.1, rel=0.05)
        for last in (layer.self_attn.o_proj, layer.mlp.down_proj):
            assert float(last.weight.std()) == pytest.approx(0.1 / 4, rel=0.05)
    assert float(scaled.model.embed_tokens.weight.std()) == pytest.approx(0.1, rel=0.05)
    assert not any(
        layer.self_attn.o_proj.weight.any() or layer.mlp.down_proj.weight.any() for layer in zero.model.layers
    )


def test_the_seed_alone_decides_the_weights_and_the_callers_random_state_stays() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, again, other = (build_model(ModelParams(**SMALL), 100, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    pairs = [
        (dict(first.named_parameters())[name], value, dict(other.named_parameters())[name])
        for name, value in again.named_parameters()
    ]
    assert all(torch.equal(one, two) for one, two, _ in pairs)
    assert any(not torch.equal(one, three) for one, _, three in pairs)


def test_the_embedding_is_padded_to_a_multiple() -> None:
    assert build_config(ModelParams(), 50_257).vocab_size == 50_304
    assert build_config(ModelParams(vocab_multiple=1), 50_257).vocab_size == 50_257


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"heads": 6, "kv_heads": 4}, "multiple of kv_heads"),
        ({"qk_norm": False, "heads": 5, "kv_heads": 1}, "exports as Llama"),
        ({"preset": "gpt2"}, "tiny"),
    ],
)
def test_shapes_that_cannot_be_built_are_refused(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        ModelParams(**changes)  # type: ignore[arg-type]
