"""Loss scaling for fp16, whose smallest numbers are not small enough for gradients.

Source: Micikevicius et al. 2018. The scale doubles after a stretch of steps without an overflow, and halves at one.
"""

import torch
from torch import Tensor

INITIAL = 2.0**16
GROWTH_STEPS = 2000
_LARGEST = 2.0**24


class LossScale:
    """The factor on the loss, as a tensor that is part of a checkpoint: factor and steps since its last change."""

    def __init__(self) -> None:
        self.tensor = torch.tensor([INITIAL, 0.0], dtype=torch.float64)

    @property
    def value(self) -> float:
        """The factor; a power of two, so that it changes no digit."""
        return float(self.tensor[0])

    @property
    def at_fault(self) -> bool:
        """Whether a gradient that is not finite may be the scale's doing: at 1 it is not."""
        return self.value > 1.0

    def overflowed(self) -> None:
        """Halve the factor."""
        self.tensor[0] = max(1.0, self.value / 2)
        self.tensor[1] = 0

    def applied(self) -> None:
        """Count a step, and double the factor after :data:`GROWTH_STEPS` of them."""
        self.tensor[1] += 1
        if self.tensor[1] >= GROWTH_STEPS:
            self.tensor[0] = min(_LARGEST, 2 * self.value)
            self.tensor[1] = 0

    def unscale(self, gradients: list[Tensor]) -> None:
        """Divide gradients by the factor, in place."""
        for gradient in gradients:
            gradient.mul_(1.0 / self.value)
