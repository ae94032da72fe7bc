"""Parameters of ``pretrain.mixture``: how much of each source a run reads, and when."""

import bisect
import itertools
import math
from fractions import Fraction
from typing import Annotated, Self

from pydantic import Field, model_validator

from bessemer.config.base import Strict

Weight = Annotated[float, Field(ge=0.0, le=1e6)]
Epochs = Annotated[float, Field(gt=0.0, le=1e6)]


class PhaseParams(Strict):
    """A part of the run with shares of its own."""

    until: float = Field(1.0, gt=0.0, le=1.0, description="share of the run at which the phase ends; the last has 1")
    weights: dict[str, Weight] = Field(
        description="samples of each source, in proportion to each other; a source that is not named is not read"
    )

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not math.fsum(self.weights.values()) > 0:
            raise ValueError("weights are all zero, so that nothing could be read; give a source a weight")
        return self


class MixtureParams(Strict):
    """Shares of sources. Without phases every document is read as often as any other, in one order of all."""

    phases: list[PhaseParams] = Field(
        default_factory=list, description="in the order of the run, for example a main phase and one that anneals"
    )
    max_epochs: dict[str, Epochs] = Field(
        default_factory=dict,
        description="most passes over a source in the whole run; one that is not named has no bound",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        ends = [phase.until for phase in self.phases]
        if ends and (ends[-1] != 1.0 or any(second <= first for first, second in itertools.pairwise(ends))):
            raise ValueError("phases must end one after another, and the last with until: 1.0")
        return self

    def ends(self, samples: int) -> list[int]:
        """Sample at which each phase of a run of so many ends."""
        return [int(Fraction(repr(phase.until)) * samples) for phase in self.phases]

    def phase_of(self, sample: int, samples: int) -> int:
        """Number of the phase that a sample is read in; what is read beyond the planned end is of the last one."""
        return min(bisect.bisect_right(self.ends(samples), sample), max(0, len(self.phases) - 1))

    @property
    def sources(self) -> set[str]:
        """Every source that is named."""
        return set(self.max_epochs).union(*(phase.weights for phase in self.phases))
