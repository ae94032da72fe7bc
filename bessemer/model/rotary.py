"""Rotary positions (Su et al. 2021) and the three ways of stretching them over a longer context.

The parameters carry the names of transformers' ``rope_parameters``, so an export copies them as they are.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

SCALINGS = ("default", "linear", "llama3", "yarn")


def inverse_frequencies(rope: Mapping[str, Any], head_dim: int, device: torch.device) -> tuple[Tensor, float]:
    """Radians a position for each pair of a head's columns, and the factor on cosines and sines.

    Args:
        rope: ``rope_type`` (one of SCALINGS), ``rope_theta`` and what that type needs.
        head_dim: width of a head, even.
        device: of the result.

    Returns:
        Shape (head_dim / 2,), fp32, and 1.0 except for yarn.

    Sources: linear: Chen et al. 2023; llama3: Meta 2024, section 3.2 and the released code; yarn: Peng et al. 2023.
    """
    exponents = torch.arange(0, head_dim, 2, dtype=torch.float32, device=device) / head_dim
    plain = 1.0 / rope["rope_theta"] ** exponents
    kind = rope["rope_type"]
    if kind == "default":
        return plain, 1.0
    stretched = plain / rope["factor"]
    if kind == "linear":
        return stretched, 1.0
    if kind == "llama3":
        return _between(stretched, plain, _llama3_share(rope, plain)), 1.0
    return _between(stretched, plain, _yarn_share(rope, head_dim, device)), yarn_magnitude(rope["factor"])


def rotary_tables(rope: Mapping[str, Any], position_ids: Tensor, head_dim: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines, each of shape (batch, 1, length, head_dim), fp32; halves, not interleaved."""
    frequencies, magnitude = inverse_frequencies(rope, head_dim, position_ids.device)
    angles = position_ids[:, None, :, None].float() * frequencies
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos() * magnitude, angles.sin() * magnitude


def rotate(heads: Tensor, tables: tuple[Tensor, Tensor]) -> Tensor:
    """Rotate queries or keys of shape (batch, heads, length, head_dim) by their positions."""
    cosines, sines = tables
    left, right = heads.chunk(2, dim=-1)
    return heads * cosines + torch.cat((-right, left), dim=-1) * sines


def yarn_magnitude(factor: float) -> float:
    """What queries and keys are multiplied with, so that attention stays as sharp (Peng et al. 2023, equation 22)."""
    return 0.1 * math.log(factor) + 1.0 if factor > 1.0 else 1.0


def _between(stretched: Tensor, plain: Tensor, share: Tensor) -> Tensor:
    return stretched * (1.0 - share) + plain * share


def _llama3_share(rope: Mapping[str, Any], plain: Tensor) -> Tensor:
    """How much of each frequency stays: all of the fast ones, none of the slow ones, a ramp over what is between."""
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]
    turns = rope["original_max_position_embeddings"] * plain / (2 * math.pi)
    share: Tensor = ((turns - low) / (high - low)).clamp(0.0, 1.0)
    return share


def _yarn_share(rope: Mapping[str, Any], head_dim: int, device: torch.device) -> Tensor:
    """As for llama3, but the ramp is over the number of the pair, between those of beta_fast and beta_slow turns."""

    def pair(turns: float) -> float:
        length = rope["original_max_position_embeddings"]
        return head_dim * math.log(length / (turns * 2 * math.pi)) / (2 * math.log(rope["rope_theta"]))

    first = max(math.floor(pair(rope["beta_fast"])), 0)
    last = min(math.ceil(pair(rope["beta_slow"])), head_dim - 1)
    numbers = torch.arange(head_dim // 2, dtype=torch.float32, device=device)
    return 1.0 - ((numbers - first) / max(last - first, 1e-3)).clamp(0.0, 1.0)
