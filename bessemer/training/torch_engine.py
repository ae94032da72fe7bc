"""Training steps in plain PyTorch: one process, DDP, or FSDP2.

FSDP2 is torch's ``fully_shard`` on a device mesh of our own, on GPUs and CPUs alike: through accelerate 1.15 it is
ignored on a CPU, in one configuration without any exchange of gradients and without an error.
"""

import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import CPUOffloadPolicy, FSDPModule, MixedPrecisionPolicy, OffloadPolicy, fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from bessemer.config.distributed import DistributedRuntime
from bessemer.config.pretrain import PretrainParams
from bessemer.errors import ConfigError
from bessemer.training.compilation import compile_layers
from bessemer.training.loss_scale import LossScale
from bessemer.training.optimizer import Optimizers
from bessemer.training.phases import Phases
from bessemer.training.step import DTYPES, Bounds, Step, not_finite
from bessemer.training.topology import Topology


class TorchEngine:
    """Model and optimizers of one process, with gradients exchanged by DDP or FSDP2 where there are more."""

    kind = "torch"

    def __init__(
        self, model: nn.Module, params: PretrainParams, runtime: DistributedRuntime, topology: Topology
    ) -> None:
        """Move, shard and wrap the model, then build optimizers over what this process holds."""
        self._topology = topology
        self._clip_norm = params.clip_norm
        self.phases = Phases(topology.device)
        self._scale = LossScale() if topology.precision == "fp16" else None
        model = model.to(topology.device)
        if topology.strategy == "fsdp2":
            _shard(model, runtime, topology)
        self._plain = model
        self.optimizers = Optimizers(model, params.optimizer, topology.precision, fused=True)
        self._compiled = runtime.compile is True
        if self._compiled:
            compile_layers(model)
        self.model: Any = model
        if topology.strategy == "ddp":
            self.model = topology.accelerator.prepare_model(self.model, device_placement=False)
        self._check_wrapping()

    def accumulate(self, inputs: Mapping[str, Tensor], predicted: int, last: bool) -> Tensor:
        """Forward and backward of one micro-batch; DDP and FSDP2 average over processes, so scale by their number."""
        with self._synchronise(last):
            self.phases.enter("forward")
            with self._autocast():
                loss: Tensor = self.model(**inputs, num_items_in_batch=predicted).loss
            self.phases.enter("backward")
            scale = self._topology.world * (self._scale.value if self._scale else 1.0)
            torch.autograd.backward(loss * scale if scale != 1.0 else loss)
        return loss.detach()

    def step(self, factor: float, loss: float, bounds: Bounds) -> Step:
        """Clip and move the parameters; with a value out of bounds, forget the gradients and move nothing."""
        parameters = [parameter for parameter in self._plain.parameters() if parameter.grad is not None]
        total = _whole(nn.utils.get_total_norm([cast(Tensor, parameter.grad) for parameter in parameters]))
        if self._scale is not None:
            total = total / self._scale.value
        norm = float(total)
        if self._scale is not None and not math.isfinite(norm) and math.isfinite(loss) and self._scale.at_fault:
            self._scale.overflowed()
            self.optimizers.zero_grad()
            return Step(grad_norm=norm, applied=False, overflow=True)
        if not bounds.allow(loss, norm):
            culprits = self._culprits()
            self.optimizers.zero_grad()
            return Step(grad_norm=norm, applied=False, culprits=culprits)
        if self._scale is not None:
            self._scale.unscale([cast(Tensor, parameter.grad) for parameter in parameters])
            self._scale.applied()
        if self._clip_norm is not None:
            nn.utils.clip_grads_with_norm_(parameters, self._clip_norm, total)
        self.optimizers.set_factor(factor)
        self.optimizers.step()
        self.optimizers.zero_grad()
        return Step(grad_norm=norm, applied=True)

    def drop(self) -> None:
        """Forget the gradients of a step that does not end."""
        self.optimizers.zero_grad()

    def warm_up(self, inputs: Mapping[str, Tensor], predicted: int) -> None:
        """Compile the training graph; evaluation is not compiled.

        DDP lays its buckets anew after the first backward pass, and of three processes and more the order in which
        their gradients are added follows from that: once it is over, the first step after a resume adds as any other.
        """
        if not self._compiled and not (self._topology.strategy == "ddp" and self._topology.world > 2):
            return
        self.accumulate(inputs, predicted, last=True)
        self.drop()

    def damaged(self) -> tuple[str, ...]:
        """Weights of this process that are not finite, or whose optimizer's state is not."""
        found = {name: _local(parameter.detach()) for name, parameter in self._plain.named_parameters()}
        found |= {name: _local(tensor) for name, tensor in self.optimizers.tensors().items()}
        return not_finite(found)

    def evaluate(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Summed loss of a batch, in nats, without gradients."""
        with torch.no_grad(), self._autocast(), self._eager():
            loss: Tensor = self.model(**inputs, num_items_in_batch=1).loss
        self._let_go()
        return loss.detach()

    def next_logits(self, tokens: Tensor) -> Tensor:
        """Logits of the token after ``tokens``, by layers that are not compiled: they would be, for each length."""
        with torch.no_grad(), self._autocast(), self._eager():
            logits: Tensor = self._plain(tokens, use_cache=False, logits_to_keep=1).logits[0, -1]
        self._let_go()
        return logits

    def save(self, directory: Path) -> None:
        """Write model, optimizers and random state; sharded tensors are written by the processes that hold them."""
        alone = self._topology.world == 1
        with _quiet():
            save(self._state(), checkpoint_id=directory, no_dist=alone)

    def load(self, directory: Path) -> None:
        """Read what :meth:`save` wrote, also under another number of processes or another of none, ddp and fsdp2."""
        state, alone = self._state(), self._topology.world == 1
        with _quiet():
            load(state, checkpoint_id=directory, no_dist=alone)
        torch.set_rng_state(state["random"])

    def full_state_dict(self) -> dict[str, Tensor]:
        """All weights in fp32 on the CPU; a collective under FSDP2, and the same in every process."""
        return {name: _whole(parameter).float().cpu().clone() for name, parameter in self._plain.named_parameters()}

    def _eager(self) -> AbstractContextManager[None]:
        return torch.compiler.set_stance("force_eager") if self._compiled else nullcontext()

    def _let_go(self) -> None:
        """Without a backward pass the root of FSDP2 stays gathered, in bf16, and would be saved so."""
        if isinstance(self._plain, FSDPModule):
            self._plain.reshard()

    def _state(self) -> dict[str, Any]:
        model = {name: parameter.detach() for name, parameter in self._plain.named_parameters()}
        scale = {} if self._scale is None else {"loss_scale": self._scale.tensor}
        return {"model": model, "optimizer": self.optimizers.tensors(), "random": torch.get_rng_state()} | scale

    def _culprits(self) -> tuple[str, ...]:
        """Parameters whose gradient in this process is not finite."""
        return not_finite({name: _local(it.grad) for name, it in self._plain.named_parameters() if it.grad is not None})

    def _autocast(self) -> torch.autocast:
        return torch.autocast(
            self._topology.device.type,
            dtype=DTYPES[self._topology.precision],
            enabled=self._topology.precision != "fp32",
        )

    def _synchronise(self, last: bool) -> AbstractContextManager[None]:
        """Exchange gradients only after the last micro-batch of a step."""
        if isinstance(self.model, DistributedDataParallel):
            return nullcontext() if last else cast(AbstractContextManager[None], self.model.no_sync())
        if isinstance(self._plain, FSDPModule):
            self._plain.set_requires_gradient_sync(last)
        return nullcontext()

    def _check_wrapping(self) -> None:
        """Compare what was built with what was asked for.

        Raises:
            ConfigError: gradients would not be exchanged.
        """
        strategy, world = self._topology.strategy, self._topology.world
        if strategy == "ddp":
            sound = isinstance(self.model, DistributedDataParallel)
        elif strategy == "fsdp2":
            sound = all(
                isinstance(parameter, DTensor) and parameter.device_mesh.size() == world
                for parameter in self._plain.parameters()
            )
        else:
            sound = world == 1
        if not sound:
            raise ConfigError(
                f"the model is not set up for {strategy} over {world} processes, so gradients would not be exchanged; "
                "this is a mismatch of library versions: install those of constraints.txt."
            )


def _shard(model: nn.Module, runtime: DistributedRuntime, topology: Topology) -> None:
    """Shard every decoder layer, then what is left, over all processes (FSDP2, Zhao et al. 2023)."""
    mesh = init_device_mesh(topology.device.type, (topology.world,), mesh_dim_names=("shard",))
    mixed = topology.precision != "fp32"
    policy = MixedPrecisionPolicy(
        param_dtype=DTYPES[topology.precision] if mixed else None, reduce_dtype=torch.float32 if mixed else None
    )
    offload = CPUOffloadPolicy() if runtime.offload == "parameters" else OffloadPolicy()
    names = set(getattr(model, "_no_split_modules", None) or ())
    for module in model.modules():
        if type(module).__name__ in names:
            fully_shard(module, mesh=mesh, mp_policy=policy, offload_policy=offload)
    fully_shard(model, mesh=mesh, mp_policy=policy, offload_policy=offload)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without torch's warning that a single process saves alone, which is what is wanted."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.distributed is disabled", category=UserWarning)
        yield


def _whole(tensor: Tensor) -> Tensor:
    return tensor.full_tensor().detach() if isinstance(tensor, DTensor) else tensor.detach()


def _local(tensor: Tensor) -> Tensor:
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor
