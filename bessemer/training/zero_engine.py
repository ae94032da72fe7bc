"""Training steps on a DeepSpeed ZeRO engine. Imported only when a ZeRO strategy runs."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bessemer.config.pretrain import OptimizerParams
from bessemer.errors import ConfigError
from bessemer.training.optimizer import build_adamw, set_factor
from bessemer.training.phases import Phases
from bessemer.training.step import Bounds, Step, not_finite
from bessemer.training.topology import Topology

TAG = "deepspeed"


class ZeroEngine:
    """Training steps on a DeepSpeed engine."""

    kind = "zero"

    def __init__(self, model: nn.Module, params: OptimizerParams, topology: Topology) -> None:
        """Hand model and optimizer to DeepSpeed through accelerate.

        Raises:
            ConfigError: DeepSpeed's data-parallel world is not the one that was asked for.
        """
        self._topology = topology
        self.phases = Phases(topology.device)
        fused = topology.device.type == "cuda"
        optimizer = build_adamw(model, params, ("matrices", "embeddings", "vectors"), fused)
        accelerator = topology.accelerator
        self.model, _ = accelerator.prepare(model, optimizer)
        self._optimizer = self.model.optimizer
        self._stage = int(topology.strategy[-1])
        if self.model.dp_world_size != topology.world or self.model.zero_optimization_stage() != self._stage:
            raise ConfigError(
                f"DeepSpeed came up as ZeRO-{self.model.zero_optimization_stage()} over {self.model.dp_world_size} "
                f"processes, {topology.strategy} over {topology.world} was asked for; check its environment variables."
            )
        self._bounds = Bounds()
        self._loss = 0.0
        self._norm = 0.0
        self._bound_steps()
        self._scale = float(topology.world * topology.accumulation)

    def accumulate(self, inputs: Mapping[str, Tensor], predicted: int, last: bool) -> Tensor:
        """Forward and backward of one micro-batch; DeepSpeed divides by processes and by accumulation."""
        self.model.set_gradient_accumulation_boundary(is_boundary=last)
        self.phases.enter("forward")
        loss: Tensor = self.model(**inputs, num_items_in_batch=predicted).loss
        self.phases.enter("backward")
        self.model.backward(loss * self._scale)
        if not last:
            self.model.step()
        return loss.detach()

    def step(self, factor: float, loss: float, bounds: Bounds) -> Step:
        """Clip and move the parameters; DeepSpeed passes over a step that :meth:`_bound_steps` calls invalid."""
        set_factor([self._optimizer], factor)
        self._bounds, self._loss, self._norm = bounds, loss, math.inf
        self.model.step()
        applied = not bool(getattr(self._optimizer, "overflow", False))
        norm = float(self.model.get_global_grad_norm() or 0.0) if applied else self._norm
        culprits = ("(sharded by ZeRO)",) if not math.isfinite(norm) else ()
        return Step(grad_norm=norm, applied=applied, culprits=culprits)

    def drop(self) -> None:
        """Nothing: DeepSpeed has no way to forget a part of a step, and the process ends after it."""

    def warm_up(self, inputs: Mapping[str, Tensor], predicted: int) -> None:
        """Nothing is compiled on first use."""

    def damaged(self) -> tuple[str, ...]:
        """Weights of this process that are not finite, in the model or in DeepSpeed's own fp32 copy."""
        found = {
            name: parameter.ds_tensor if hasattr(parameter, "ds_tensor") else parameter.detach()
            for name, parameter in self.model.module.named_parameters()
        }
        masters = "fp32_partitioned_groups_flat" if self._stage == 3 else "single_partition_of_fp32_groups"
        found |= {
            f"(master copy {number})": tensor.detach()
            for number, tensor in enumerate(getattr(self._optimizer, masters))
        }
        return not_finite(found)

    def evaluate(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Summed loss of a batch, in nats, without gradients."""
        with torch.no_grad():
            loss: Tensor = self.model(**inputs, num_items_in_batch=1).loss
        return loss.detach()

    def next_logits(self, tokens: Tensor) -> Tensor:
        """Logits of the token after ``tokens``."""
        with torch.no_grad():
            logits: Tensor = self.model(tokens, use_cache=False, logits_to_keep=1).logits[0, -1]
        return logits

    def save(self, directory: Path) -> None:
        """Write this process's part of model and optimizer."""
        self.model.save_checkpoint(str(directory), tag=TAG, save_latest=False)

    def load(self, directory: Path) -> None:
        """Read what :meth:`save` wrote with the same number of processes."""
        self.model.load_checkpoint(str(directory), tag=TAG)

    def _bound_steps(self) -> None:
        """Have DeepSpeed take a norm out of bounds, or one of a step with such a loss, for one that is not finite.

        It asks these methods (0.19) before it changes anything, and then clears its buffers and applies nothing.
        """
        name = "_get_norm_groups" if self._stage == 3 else "scaled_global_norm"
        measure = getattr(self._optimizer, name)

        def bounded(*arguments: Any, **options: Any) -> Any:
            found = measure(*arguments, **options)
            norms = [float(norm) for norm in (found if self._stage == 3 else [found])]
            # a group that is not finite is told by -1
            norm = math.hypot(*norms) if min(norms) >= 0.0 else math.inf
            self._norm = norm
            if self._bounds.allow(self._loss, norm):
                return found
            refused = torch.tensor(math.inf, device=self._topology.device)
            return [refused] if self._stage == 3 else refused

        setattr(self._optimizer, name, bounded)

    def full_state_dict(self) -> dict[str, Tensor]:
        """All weights in fp32 on the CPU; a collective, and the same in every process."""
        from deepspeed.utils import safe_get_full_fp32_param

        return {
            name: safe_get_full_fp32_param(parameter).detach().float().cpu().clone()
            for name, parameter in self.model.module.named_parameters()
        }
