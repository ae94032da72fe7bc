"""Which weights are moved by which optimizer, and the optimizers' state as tensors with names.

Matrices of the layers go to Muon or AdamW; embedding, output layer and norms always to AdamW without decay.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from bessemer.config.pretrain import OptimizerParams
from bessemer.model.precision import Precision
from bessemer.training.muon import Muon

_STATE = {AdamW: ("exp_avg", "exp_avg_sq"), Muon: ("momentum_buffer",)}
_PRODUCTS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float32}
PEAK = "peak_lr"


def parameter_groups(model: nn.Module) -> dict[str, dict[str, nn.Parameter]]:
    """Trainable parameters by kind: ``matrices``, ``embeddings`` (with the output layer) and ``vectors``.

    A tied output layer is there once, under the embedding's name.
    """
    outer = {
        id(parameter)
        for module in model.modules()
        if isinstance(module, nn.Embedding) or module is _output_layer(model)
        for parameter in module.parameters(recurse=False)
    }
    groups: dict[str, dict[str, nn.Parameter]] = {"matrices": {}, "embeddings": {}, "vectors": {}}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            kind = "embeddings" if id(parameter) in outer else "matrices" if parameter.ndim == 2 else "vectors"
            groups[kind][name] = parameter
    return groups


def _output_layer(model: nn.Module) -> nn.Module | None:
    getter = getattr(model, "get_output_embeddings", None)
    return getter() if getter is not None else None


def adamw_groups(model: nn.Module, params: OptimizerParams, kinds: tuple[str, ...]) -> list[dict[str, object]]:
    """Parameter groups of AdamW for the given kinds, each with its peak learning rate under :data:`PEAK`."""
    rates = {
        "matrices": (params.adamw.learning_rate, params.adamw.weight_decay),
        "embeddings": (params.adamw.embedding_learning_rate, 0.0),
        "vectors": (params.adamw.learning_rate, 0.0),
    }
    groups = parameter_groups(model)
    return [
        {"params": list(groups[kind].values()), "lr": rate, "weight_decay": decay, PEAK: rate, "kind": kind}
        for kind, (rate, decay) in rates.items()
        if kind in kinds and groups[kind]
    ]


def build_adamw(model: nn.Module, params: OptimizerParams, kinds: tuple[str, ...], fused: bool) -> AdamW:
    """AdamW for the given kinds of parameters."""
    return AdamW(
        adamw_groups(model, params, kinds),
        betas=(params.adamw.beta1, params.adamw.beta2),
        eps=params.adamw.epsilon,
        fused=fused,
    )


class Optimizers:
    """One or two optimizers that step together over all parameters of a model."""

    def __init__(self, model: nn.Module, params: OptimizerParams, precision: Precision, *, fused: bool) -> None:
        """Build them; under FSDP2 after sharding, so that they hold the shards.

        Args:
            model: its parameters' names are the names in a checkpoint.
            params: which optimizer, and its settings.
            precision: in which Muon multiplies matrices.
            fused: use AdamW's fused kernel.
        """
        self._names = {id(parameter): name for name, parameter in model.named_parameters()}
        self.all: list[Optimizer] = []
        if params.name == "muon":
            matrices = list(parameter_groups(model)["matrices"].values())
            muon = Muon(
                matrices,
                lr=params.muon.learning_rate,
                weight_decay=params.muon.weight_decay,
                momentum=params.muon.momentum,
                nesterov=params.muon.nesterov,
                steps=params.muon.newton_schulz_steps,
                scale=params.muon.scale,
                dtype=_PRODUCTS[precision],
            )
            muon.param_groups[0][PEAK] = params.muon.learning_rate
            self.all = [muon, build_adamw(model, params, ("embeddings", "vectors"), fused)]
        else:
            self.all = [build_adamw(model, params, ("matrices", "embeddings", "vectors"), fused)]

    def set_factor(self, factor: float) -> None:
        """Set every learning rate to its peak times ``factor``."""
        set_factor(self.all, factor)

    def step(self) -> None:
        """Move the parameters."""
        for optimizer in self.all:
            optimizer.step()

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for optimizer in self.all:
            optimizer.zero_grad(set_to_none=True)

    def tensors(self) -> dict[str, Tensor]:
        """State as ``<parameter>.<field>`` to tensor, made now (zeros) where an optimizer has not stepped yet.

        The tensors are the live ones: loading into them in place restores the optimizer.
        """
        found: dict[str, Tensor] = {}
        for optimizer, parameter in self._parameters():
            state = optimizer.state[parameter]
            for key in _STATE[type(optimizer)]:
                if key not in state:
                    state[key] = torch.zeros_like(parameter.detach())
                found[f"{self._names[id(parameter)]}.{key}"] = state[key]
            if isinstance(optimizer, AdamW):
                if "step" not in state:
                    device = parameter.device if optimizer.defaults["fused"] else torch.device("cpu")
                    state["step"] = torch.zeros((), dtype=torch.float32, device=device)
                found[f"{self._names[id(parameter)]}.step"] = state["step"]
        return found

    def _parameters(self) -> Iterator[tuple[Optimizer, nn.Parameter]]:
        for optimizer in self.all:
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    yield optimizer, parameter


def set_factor(optimizers: list[Optimizer], factor: float) -> None:
    """Set the learning rate of every parameter group to its peak times ``factor``."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group[PEAK] * factor
