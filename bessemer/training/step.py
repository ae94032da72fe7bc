"""What every strategy offers the loop, and what it says about a step."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from bessemer.training.phases import Phases


@dataclass(frozen=True)
class Step:
    """The end of an optimizer step.

    Attributes:
        grad_norm: global norm before clipping.
        applied: False if the step was passed over because a value was not finite; then nothing has changed.
        culprits: names of parameters with a gradient that is not finite.
    """

    grad_norm: float
    applied: bool
    culprits: tuple[str, ...] = ()


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

    def step(self, factor: float, loss: float) -> Step:
        """Clip, and move the parameters with every peak learning rate times ``factor``, if all is finite."""
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
