"""From parameters to a model, and what that model costs: parameters and floating-point operations."""

from dataclasses import dataclass
from typing import Any

import torch

from bessemer.config.model import ModelParams, RopeScaling
from bessemer.model.config import BessemerConfig
from bessemer.model.modeling import BessemerForCausalLM
from bessemer.model.sizes import ModelSize


@dataclass(frozen=True)
class Flops:
    """Floating-point operations of one token, forward and backward, recomputation not counted.

    Attributes:
        palm: 6 N + 12 L H Q T: attention as if every token saw the whole sequence (Chowdhery et al. 2022, appendix B).
        causal: 6 N + 6 L H Q T: only what a causal mask leaves. Packed documents need less still.
    """

    palm: int
    causal: int


def build_config(
    params: ModelParams, vocab_size: int, *, bos_token_id: int = 2, eos_token_id: int = 2, pad_token_id: int = 3
) -> BessemerConfig:
    """Configuration for ``params``; the embedding has ``vocab_size`` rows rounded up to ``params.vocab_multiple``.

    A document begins after the ``</s>`` of the one before, so ``</s>`` is also the token that generation starts from.
    """
    shape = params.shape
    return BessemerConfig(
        vocab_size=ModelSize.of(params, vocab_size).vocabulary,
        hidden_size=shape.hidden_size,
        intermediate_size=shape.intermediate_size,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        head_dim=shape.head_dim,
        max_position_embeddings=shape.context_length,
        initializer_range=params.init_std,
        init_output=params.init_output,
        rms_norm_eps=params.norm_epsilon,
        qk_norm=shape.qk_norm,
        tie_word_embeddings=shape.tie_embeddings,
        rope_parameters=_rope_parameters(shape.rope_theta, params.rope_scaling),
        bos_token_id=bos_token_id,
        eos_token_id=eos_token_id,
        pad_token_id=pad_token_id,
    )


def _rope_parameters(theta: float, scaling: RopeScaling) -> dict[str, Any]:
    """Under the names of transformers, and only what the type takes: it warns of others."""
    rope: dict[str, Any] = {"rope_type": "default" if scaling.name == "none" else scaling.name, "rope_theta": theta}
    if scaling.name != "none":
        rope["factor"] = scaling.factor
    if scaling.name in ("llama3", "yarn"):
        rope["original_max_position_embeddings"] = scaling.original_context
    if scaling.name == "llama3":
        rope |= {"low_freq_factor": scaling.low_frequency_factor, "high_freq_factor": scaling.high_frequency_factor}
    if scaling.name == "yarn":
        rope |= {"beta_fast": scaling.beta_fast, "beta_slow": scaling.beta_slow}
    return rope


def build_model(
    params: ModelParams,
    vocab_size: int,
    *,
    seed: int,
    attention: str = "sdpa",
    bos_token_id: int = 2,
    eos_token_id: int = 2,
    pad_token_id: int = 3,
) -> BessemerForCausalLM:
    """A freshly initialised model in fp32 on the CPU (or on the device of an enclosing ``torch.device``).

    Args:
        params: shape and initialisation.
        vocab_size: number of tokens; the embedding may have more rows.
        seed: of the initial weights; the global random state is left as it was.
        attention: backend as returned by :func:`bessemer.model.attention.choose_backend`.
        bos_token_id: token that a document begins after.
        eos_token_id: token that ends every document.
        pad_token_id: token that fills padded batches.
    """
    config = build_config(
        params, vocab_size, bos_token_id=bos_token_id, eos_token_id=eos_token_id, pad_token_id=pad_token_id
    )
    config._attn_implementation = attention
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        return BessemerForCausalLM(config)


def size_of(config: BessemerConfig) -> ModelSize:
    """The sizes in a configuration."""
    return ModelSize(
        vocabulary=config.vocab_size,
        hidden=config.hidden_size,
        intermediate=config.intermediate_size,
        layers=config.num_hidden_layers,
        heads=config.num_attention_heads,
        kv_heads=config.num_key_value_heads,
        head_dim=config.head_dim,
        tied=config.tie_word_embeddings,
        qk_norm=config.qk_norm,
    )


def parameter_count(config: BessemerConfig) -> int:
    """Trainable parameters; a tied output layer counts once."""
    return size_of(config).parameters


def matmul_parameters(config: BessemerConfig) -> int:
    """Weights that a token is multiplied with: all layers and the output layer, tied or not; no embedding look-up."""
    return size_of(config).multiplied


def flops_per_token(config: BessemerConfig, sequence_length: int) -> Flops:
    """Operations of one training token in rows of ``sequence_length`` tokens, by both conventions."""
    return Flops(*size_of(config).flops_per_token(sequence_length))
