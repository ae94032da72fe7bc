"""Which steps are not applied, and what follows when they repeat.

A step whose loss or gradient is not finite, or far above those of the last steps, is passed over by the engine:
selected away, never multiplied by zero, which would keep a NaN. After more than ``patience`` in a row the run goes back
to the last checkpoint before them and leaves out their batches. All of it is arithmetic on numbers that every process
has, and part of every checkpoint: a resumed run judges as the uninterrupted one does, and so does another number of
processes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from pydantic import BaseModel, Field

from bessemer.config.pretrain import GuardParams
from bessemer.errors import GateFailed
from bessemer.training.step import Bounds, Step

_DEVIATION = 1.4826
"""Standard deviations of a normal distribution per median absolute deviation."""
_NINTH_DECILE = 1.2816
"""Standard deviations above its median below which nine tenths of a normal distribution lie."""
_LOSS_FLOOR = 0.01
_NORM_FLOOR = 0.1
"""Least deviation of a loss (share of its median) and of the logarithm of a gradient norm: a very quiet stretch of a
run does not make ordinary steps spikes."""


class Gap(BaseModel):
    """Batches of the sample order, counted from 0, that are left out."""

    first: int
    batches: int


@dataclass(frozen=True)
class Verdict:
    """What the guard says of a step: a sentence, empty if it was applied, and whether the run has to go back."""

    sentence: str = ""
    back: bool = False


class Guard(BaseModel):
    """Statistics of the applied steps, and account of the others. Its fields are part of a checkpoint.

    Attributes:
        phase: of the mixture that the last step was of.
        losses, norms: of the last applied steps of that phase, oldest first.
        skipped: steps that were passed over.
        in_a_row: how many of them have followed each other until now, and ``suspects``, their batches.
        gaps: batches that are left out for good, in order.
        rollbacks: each time the run went back.
    """

    phase: int = 0
    losses: list[float] = Field(default_factory=list)
    norms: list[float] = Field(default_factory=list)
    skipped: list[dict[str, Any]] = Field(default_factory=list)
    in_a_row: int = 0
    suspects: list[int] = Field(default_factory=list)
    gaps: list[Gap] = Field(default_factory=list)
    rollbacks: list[dict[str, Any]] = Field(default_factory=list)

    def batch(self, step: int) -> int:
        """Number of the batch that step ``step`` reads, both from 0: the step's own, moved on by the gaps before it."""
        number = step
        for gap in self.gaps:
            if number >= gap.first:
                number += gap.batches
        return number

    def enter(self, phase: int) -> None:
        """Say which phase of the mixture the next step is of: in another one, ordinary losses may be others."""
        if phase != self.phase:
            self.phase, self.losses, self.norms = phase, [], []

    def bounds(self, params: GuardParams) -> Bounds:
        """Largest loss and gradient norm that may be applied now; no bound until half a window is known."""
        if params.spike is None or len(self.losses) < params.window // 2:
            return Bounds()
        middle = median(self.losses)
        loss = middle + params.spike * max(_spread(self.losses, middle), _LOSS_FLOOR * abs(middle))
        logarithms = [math.log(max(norm, 1e-30)) for norm in self.norms]
        middle = median(logarithms)
        exponent = middle + params.spike * max(_spread(logarithms, middle), _NORM_FLOOR)
        return Bounds(loss, math.exp(min(exponent, 700.0)))

    def watch(
        self, params: GuardParams, number: int, samples: range, loss: float, step: Step, damaged: Sequence[str]
    ) -> Verdict:
        """Take note of step ``number``.

        Args:
            params: how many in a row are borne, and the window.
            number: of the step, from 1; its batch is :meth:`batch` of one less.
            samples: global numbers of its samples.
            loss: of the step.
            step: how the engine ended it.
            damaged: weights that are not finite, in any process. Then no batch is to blame, and the run goes back at
                once.
        """
        if step.applied:
            self.in_a_row, self.suspects = 0, []
            self.losses = [*self.losses, loss][-params.window :]
            self.norms = [*self.norms, step.grad_norm][-params.window :]
            return Verdict()
        if step.overflow:
            return Verdict()
        batch = self.batch(number - 1)
        self.in_a_row += 1
        self.suspects.append(batch)
        first, last = samples[0], samples[-1]
        where = ", ".join([*(f"the weight {name}" for name in damaged), *step.culprits][:3]) or "the loss alone"
        finite = math.isfinite(loss) and math.isfinite(step.grad_norm)
        why = "above what the last steps had" if finite else f"not finite in {where}"
        self.skipped.append(
            {"step": number, "first_sample": first, "last_sample": last, "where": "spike" if finite else where}
        )
        sentence = (
            f"step {number} was passed over: loss {loss:g}, gradient norm {step.grad_norm:g}, {why} "
            f"(samples {first} to {last})"
        )
        return Verdict(sentence, back=bool(damaged) or self.in_a_row > params.patience)

    def gone_back(self, before: "Guard", params: GuardParams, *, at: int, to: int, batch: int, blame: bool) -> "Guard":
        """The guard with which the run goes on from an earlier checkpoint.

        Args:
            before: the guard of that checkpoint.
            params: how often a run may go back.
            at: step at which the trouble was too much.
            to: step of the checkpoint.
            batch: samples of a batch.
            blame: leave out the batches of the trouble.

        Raises:
            GateFailed: it has gone back ``params.rollbacks`` times already.
        """
        if len(self.rollbacks) >= params.rollbacks:
            raise GateFailed(
                f"step {at} was passed over, it is number {self.in_a_row} in a row, and the run has gone back "
                f"{len(self.rollbacks)} times already (pretrain.guard.rollbacks). Lower the learning rates or lengthen "
                "pretrain.schedule.warmup_tokens, or set pretrain.precision to fp32."
            )
        gap = Gap(first=self.suspects[0], batches=self.suspects[-1] + 1 - self.suspects[0]) if blame else None
        record: dict[str, Any] = {"at_step": at, "to_step": to, "first_sample": None, "last_sample": None}
        if gap is not None:
            record["first_sample"] = gap.first * batch
            record["last_sample"] = (gap.first + gap.batches) * batch - 1
        # Gaps and rollbacks since that checkpoint stay; what was passed over in the trouble stays on the account.
        return before.model_copy(
            update={
                "gaps": sorted([*self.gaps, *([gap] if gap else [])], key=lambda item: item.first),
                "rollbacks": [*self.rollbacks, record],
                "skipped": [*before.skipped, *self.skipped[len(self.skipped) - self.in_a_row :]],
            }
        )


def _spread(values: Sequence[float], middle: float) -> float:
    """Standard deviation by the median absolute deviation, or by the ninth decile where that is farther away.

    Of small batches of a corpus in many languages, some are of a rare one: they are not what is wrong with a run.
    """
    ninth = sorted(values)[9 * (len(values) - 1) // 10]
    return max(_DEVIATION * median([abs(value - middle) for value in values]), (ninth - middle) / _NINTH_DECILE)
