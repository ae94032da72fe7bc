"""Small models of every shape that the family has."""

from typing import Any

import torch

from bessemer.config.model import ModelParams
from bessemer.model.modeling import BessemerForCausalLM
from bessemer.model.presets import build_model

SMALL: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "layers": 2,
    "heads": 4,
    "kv_heads": 2,
    "head_dim": 16,
    "context_length": 64,
    "init_std": 0.1,
}
VOCABULARY = 128


def small_model(
    *, vocabulary: int = VOCABULARY, seed: int = 0, attention: str = "sdpa", **changes: Any
) -> BessemerForCausalLM:
    """Weights large enough that what a token sees shows in its logits."""
    return build_model(ModelParams(**{**SMALL, **changes}), vocabulary, seed=seed, attention=attention)


def random_tokens(*shape: int, seed: int = 0) -> torch.Tensor:
    """Token ids of the small vocabulary."""
    return torch.randint(VOCABULARY, shape, generator=torch.Generator().manual_seed(seed))
