"""Muon (Jordan et al. 2024): momentum, orthogonalised, in the precision that the run multiplies matrices in.

torch's own Muon always orthogonalises in bf16, which a processor without bf16 instructions emulates some sixty times
slower than it computes in fp32, and which leaves rounding of 2**-8 in a run that asked for fp32.
"""

import math
from collections.abc import Iterable
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

Scale = Literal["spectral", "match_adamw"]
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic x -> ax + bx^3 + cx^5 that moves singular values from (0, 1] towards 1 (Jordan et al. 2024)."""
_LEAST_NORM = 1e-7


class Muon(Optimizer):
    """Orthogonalised momentum for matrices, with decoupled weight decay.

    A step is ``m = momentum m + (1 - momentum) g``, then ``w = (1 - lr decay) w - lr scale O(u)``, where ``u`` is
    ``(1 - momentum) g + momentum m`` with Nesterov's look ahead, else ``m``, and ``O`` is :func:`orthogonalised`.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        lr: float,
        weight_decay: float,
        momentum: float,
        nesterov: bool,
        steps: int,
        scale: Scale,
        dtype: torch.dtype,
    ) -> None:
        """Take the matrices.

        Args:
            parameters: each with two dimensions.
            lr: learning rate.
            weight_decay: times ``lr`` a step.
            momentum: decay of the running mean of gradients.
            nesterov: look one step ahead.
            steps: Newton-Schulz iterations.
            scale: of an update, see :func:`update_scale`.
            dtype: in which updates are orthogonalised.

        Raises:
            ValueError: a parameter is no matrix.
        """
        defaults = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov}
        super().__init__(parameters, defaults | {"steps": steps, "scale": scale, "dtype": dtype})
        if any(parameter.ndim != 2 for group in self.param_groups for parameter in group["params"]):
            raise ValueError("Muon moves matrices only")

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move the parameters that have a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, parameter.grad, group)

    def _move(self, parameter: nn.Parameter, gradient: Tensor, group: dict[str, Any]) -> None:
        rate, momentum = group["lr"], group["momentum"]
        state = self.state[parameter]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(gradient)
        mean = state["momentum_buffer"].lerp_(gradient, 1 - momentum)
        update = gradient.lerp(mean, momentum) if group["nesterov"] else mean
        update = orthogonalised(update.to(group["dtype"]), group["steps"])
        parameter.mul_(1 - rate * group["weight_decay"])
        parameter.add_(update, alpha=-rate * update_scale(parameter.shape, group["scale"]))


def orthogonalised(matrix: Tensor, steps: int) -> Tensor:
    """A matrix with the same singular vectors and singular values near 1, by Newton-Schulz iterations.

    With five steps singular values come to lie between about 0.7 and 1.2 (Jordan et al. 2024).

    Args:
        matrix: shape (rows, columns); products are computed in its dtype.
        steps: iterations.
    """
    a, b, c = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / x.norm().clamp(min=_LEAST_NORM)
    for _ in range(steps):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x


def update_scale(shape: torch.Size, scale: Scale) -> float:
    """What an orthogonalised update of a (rows, columns) matrix is multiplied with.

    ``spectral``: sqrt(max(1, rows / columns)) (Jordan et al. 2024). ``match_adamw``: 0.2 sqrt(max(rows, columns)),
    the root mean square of AdamW's updates (Liu et al. 2025, section 2.2).
    """
    rows, columns = shape
    return math.sqrt(max(1.0, rows / columns)) if scale == "spectral" else 0.2 * math.sqrt(max(rows, columns))
