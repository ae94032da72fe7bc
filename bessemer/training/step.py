"""What every strategy offers the loop, and what it says about a step."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from bessemer.training.phases import Phases

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
"""In which matrices are multiplied, by precision."""


class Bounds(NamedTuple):
    """Largest loss and gradient norm of a step that is applied."""

    loss: float = math.inf
    grad_norm: float = math.inf

    def allow(self, loss: float, grad_norm: float) -> bool:
        """Whether both are finite and within bounds."""
        finite = math.isfinite(loss) and math.isfinite(grad_norm)
        return finite and loss <= self.loss and grad_norm <= self.grad_norm


@dataclass(frozen=True)
class Step:
    """The end of an optimizer step.

    Attributes:
        grad_norm: global norm before clipping.
        applied: False if the step was passed over because a value was not finite or out of bounds; then nothing has
            changed.
        culprits: names of parameters with a gradient that is not finite in this process.
        overflow: the gradient may be not finite only because of fp16's loss scale, which has been lowered.
    """

    grad_norm: float
    applied: bool
    culprits: tuple[str, ...] = ()
    overflow: bool = False


class Engine(Protocol):
    """A model with its optimizer, whatever shards them."""

    kind: str
    model: Any
    phases: Phases

    def accumulate(self, inputs: Mapping[str, Tensor], predicted: int, last: bool) -> Tensor:
        """Forward and backward of a micro-batch; its part of the step's loss (summed nats / ``predicted``).

        It enters the phases ``forward`` and ``backward``.
        """
        ...

    def step(self, factor: float, loss: float, bounds: Bounds) -> Step:
        """Clip, and move the parameters with every peak learning rate times ``factor``, if ``bounds`` allow it."""
        ...

    def drop(self) -> None:
        """Forget the gradients of a step that does not end."""
        ...

    def warm_up(self, inputs: Mapping[str, Tensor], predicted: int) -> None:
        """Compile what is compiled on first use, and change nothing; every process calls it."""
        ...

    def damaged(self) -> tuple[str, ...]:
        """Names of the weights that are not finite in this process."""
        ...

    def evaluate(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Summed loss of a batch, in nats."""
        ...

    def next_logits(self, tokens: Tensor) -> Tensor:
        """Logits of the token after ``tokens`` of shape (1, length); every process calls it with the same ones."""
        ...

    def save(self, directory: Path) -> None:
        """Write model and optimizer; every process calls it."""
        ...

    def load(self, directory: Path) -> None:
        """Read what ``save`` wrote; every process calls it."""
        ...

    def full_state_dict(self) -> dict[str, Tensor]:
        """All weights, fp32, on the CPU; every process calls it."""
        ...


def not_finite(tensors: Mapping[str, Tensor]) -> tuple[str, ...]:
    """Names of the tensors with a value that is not finite; the device is waited for once."""
    sound = {name: torch.isfinite(tensor).all() for name, tensor in tensors.items() if tensor.numel()}
    if not sound:
        return ()
    device = next(iter(sound.values())).device
    read = torch.stack([flag.to(device, non_blocking=True) for flag in sound.values()]).tolist()
    return tuple(name for name, is_sound in zip(sound, read, strict=True) if not is_sound)
