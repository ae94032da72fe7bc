"""The learning rate as a function of tokens: warm-up, then a stable phase and a decay (WSD), a cosine or a line.

A function and not an object: there is no state to save, and no wrapper that could step it once per process.
"""

import math

from bessemer.config.pretrain import ScheduleParams


def learning_rate_factor(schedule: ScheduleParams, tokens: int, total: int) -> float:
    """Factor on every peak learning rate for the step that ends at ``tokens``.

    Args:
        schedule: shape of the curve.
        tokens: predicted so far including this step, 1 to ``total``.
        total: tokens of the whole run.

    Returns:
        0 to 1. It reaches 1 at ``warmup_tokens`` and ``final_fraction`` at ``total``.

    Sources: WSD: Hu et al. 2024 (MiniCPM); 1 - sqrt decay: Hägele et al. 2024; cosine: Loshchilov & Hutter 2017.
    """
    if tokens < schedule.warmup_tokens:
        return tokens / schedule.warmup_tokens
    start = total * (1.0 - schedule.decay_fraction) if schedule.name == "wsd" else schedule.warmup_tokens
    if tokens <= start or total <= start:
        return 1.0
    over = (tokens - start) / (total - start)
    if schedule.name == "cosine":
        remaining = 0.5 * (1.0 + math.cos(math.pi * over))
    elif schedule.name == "wsd" and schedule.decay_shape == "sqrt":
        remaining = 1.0 - math.sqrt(over)
    else:
        remaining = 1.0 - over
    return schedule.final_fraction + (1.0 - schedule.final_fraction) * remaining
