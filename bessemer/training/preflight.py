"""What can be known to fail before the first step, said before it."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bessemer.config.distributed import DistributedRuntime
from bessemer.errors import DataError


@dataclass(frozen=True)
class StateSize:
    """Bytes that training holds besides activations, over all processes together."""

    weights: int
    gradients: int
    optimizer: int

    @property
    def checkpoint(self) -> int:
        """Bytes of one checkpoint."""
        return self.weights + self.optimizer


def state_size(parameters: Mapping[str, int], optimizer: str) -> StateSize:
    """Sizes for a model with so many ``parameters`` by kind (see :func:`bessemer.training.optimizer.parameter_groups`).

    Weights and gradients take 4 bytes each; AdamW's state 8, Muon's 4.
    """
    total = sum(parameters.values())
    muon = parameters["matrices"] if optimizer == "muon" else 0
    return StateSize(4 * total, 4 * total, 4 * muon + 8 * (total - muon))


def require_disk(directory: Path, size: StateSize, runtime: DistributedRuntime) -> None:
    """Check that the checkpoints will fit.

    Raises:
        DataError: there is less room than the kept checkpoints and the one being written need.
    """
    needed = size.checkpoint * (runtime.checkpoints_kept + 1)
    free = shutil.disk_usage(directory).free
    if free < needed:
        raise DataError(
            f"{directory} has {free / 1e9:.1f} GB free, checkpoints need {needed / 1e9:.1f} GB; free some, or lower "
            "distributed.checkpoints_kept."
        )
