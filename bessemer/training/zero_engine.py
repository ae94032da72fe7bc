"""Training steps on a DeepSpeed ZeRO engine. Imported only when a ZeRO strategy runs."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from bessemer.config.pretrain import OptimizerParams
from bessemer.errors import ConfigError
from bessemer.training.optimizer import build_adamw, set_factor
from bessemer.training.phases import Phases
from bessemer.training.step import Step
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
        if self.model.dp_world_size != topology.world or self.model.zero_optimization_stage() != int(
            topology.strategy[-1]
        ):
            raise ConfigError(
                f"DeepSpeed came up as ZeRO-{self.model.zero_optimization_stage()} over {self.model.dp_world_size} "
                f"processes, {topology.strategy} over {topology.world} was asked for; check its environment variables."
            )
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

    def step(self, factor: float, loss: float) -> Step:
        """Clip and move the parameters; DeepSpeed itself passes over a step whose gradient is not finite."""
        set_factor([self._optimizer], factor)
        self.model.step()
        norm = float(self.model.get_global_grad_norm() or 0.0)
        applied = not bool(getattr(self._optimizer, "overflow", False))
        return Step(grad_norm=norm, applied=applied, culprits=() if applied else ("(sharded by ZeRO)",))

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

    def full_state_dict(self) -> dict[str, Tensor]:
        """All weights in fp32 on the CPU; a collective, and the same in every process."""
        from deepspeed.utils import safe_get_full_fp32_param

        return {
            name: safe_get_full_fp32_param(parameter).detach().float().cpu().clone()
            for name, parameter in self.model.module.named_parameters()
        }
