"""What happens to a step whose loss or gradient is not finite: it is passed over, counted and named."""

from typing import Any

from pydantic import BaseModel, Field

from bessemer.config.pretrain import GuardParams
from bessemer.errors import GateFailed
from bessemer.training.step import Step


class Guard(BaseModel):
    """Counts steps that were passed over. Its fields are part of a checkpoint.

    The step itself was not applied by the engine: selected away, never multiplied by zero, which would keep a NaN.
    """

    skipped: list[dict[str, Any]] = Field(default_factory=list)
    in_a_row: int = 0

    def watch(self, params: GuardParams, number: int, samples: range, loss: float, step: Step) -> str:
        """Take note of step ``number``; a sentence if it was passed over, else nothing.

        Args:
            params: how many in a row are borne.
            number: of the step, from 1.
            samples: global numbers of its samples.
            loss: of the step.
            step: how the engine ended it.

        Raises:
            GateFailed: one more step in a row than ``params.patience`` was passed over.
        """
        if step.applied:
            self.in_a_row = 0
            return ""
        self.in_a_row += 1
        where = ", ".join(step.culprits[:3]) or "the loss alone"
        first, last = samples[0], samples[-1]
        self.skipped.append({"step": number, "first_sample": first, "last_sample": last, "where": where})
        sentence = (
            f"step {number} was passed over: loss {loss:g}, gradient norm {step.grad_norm:g}, not finite in {where} "
            f"(samples {first} to {last})"
        )
        if self.in_a_row > params.patience:
            raise GateFailed(
                f"{sentence}; it is number {self.in_a_row} in a row. Lower the learning rates or lengthen "
                "pretrain.schedule.warmup_tokens, or set pretrain.precision to fp32."
            )
        return sentence
