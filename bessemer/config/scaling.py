"""Learning rates and batch size from model and data size, each with the sentence that says how it came about.

Sources: Step Law: Li et al. 2025 ("Predictable Scale: Part I"); OLMo ladder: Bhagia et al. 2024, after Porian et al.
2024. Both are fitted to AdamW on models from tens of millions of parameters on; below that they are extrapolated.
"""

import math
from typing import NamedTuple

AUTO = "auto"
_MUON = 0.02
_LADDER_SIZE = 108e6


class Derived(NamedTuple):
    """A value in the place of ``auto``, and where it comes from."""

    value: float
    because: str


def step_law_learning_rate(parameters: int, tokens: int) -> float:
    """Peak learning rate of AdamW for N ``parameters`` without embeddings and D ``tokens``: 1.79 N^-0.713 D^0.307."""
    return 1.79 * math.pow(parameters, -0.713) * math.pow(tokens, 0.307)


def step_law_batch(tokens: int) -> float:
    """Tokens of a step for D ``tokens``: 0.58 D^0.571."""
    return 0.58 * math.pow(tokens, 0.571)


def ladder_learning_rate(parameters: int) -> float:
    """Peak learning rate of AdamW for N ``parameters`` without embeddings: 0.0047 (N / 108M)^(-1/3) / 2."""
    return 0.0047 * math.pow(parameters / _LADDER_SIZE, -1 / 3) / 2


def ladder_batch(parameters: int) -> float:
    """Tokens of a step for N ``parameters`` without embeddings: 2048 · 160 (N / 108M)^(2/3)."""
    return 2048 * 160 * math.pow(parameters / _LADDER_SIZE, 2 / 3)


def derive_learning_rate(parameters: int, tokens: int) -> Derived:
    """AdamW's rate by the OLMo ladder, with Step Law's beside it."""
    rate, other = ladder_learning_rate(parameters), step_law_learning_rate(parameters, tokens)
    return Derived(
        rate,
        f"0.0047 · ({_short(parameters)} / 108M)^(-1/3) / 2 (OLMo ladder, N = {_short(parameters)} parameters without "
        f"embeddings; Step Law says {other:.2g})",
    )


def derive_muon_learning_rate(scale: str, parameters: int, tokens: int) -> Derived:
    """Muon's rate for its ``scale``: ``spectral`` or ``match_adamw``."""
    if scale == "match_adamw":
        adamw = derive_learning_rate(parameters, tokens)
        return Derived(adamw.value, f"AdamW's: {adamw.because}")
    return Derived(_MUON, "Jordan et al. 2024: with the spectral scale a rate carries over from width to width")


def derive_batch(parameters: int, tokens: int, sequence_length: int) -> Derived:
    """Tokens of a step by Step Law, as samples to a power of two, with the ladder's beside it."""
    law = step_law_batch(tokens)
    sequences = 2 ** max(0, round(math.log2(law / sequence_length)))
    return Derived(
        sequences * sequence_length,
        f"{sequences} samples of {sequence_length}, the power of two nearest to 0.58 · D^0.571 = {law:,.0f} tokens "
        f"(Step Law, D = {tokens:.2g} tokens; the OLMo ladder says {ladder_batch(parameters):,.0f})",
    )


def _short(number: int) -> str:
    for unit, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return str(number)
