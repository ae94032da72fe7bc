"""Next-token loss that never holds the logits of a whole batch.

The logits of a batch are the largest tensor of a small model: at a vocabulary of 50,000 they take 200 kB a token in
fp32. Here they exist for one chunk of tokens at a time, and the gradients with respect to hidden states and output
weights are computed in the same pass, while the chunk is still in the cache. The idea is known from cut and fused
linear cross-entropy (Wijmans et al. 2024, Hsu et al. 2024); this is plain PyTorch and runs on any device.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

IGNORE = -100
CHUNK_BYTES = {"cpu": 16 << 20, "cuda": 512 << 20}
"""fp32 logits held at a time, by device type: about a CPU's last-level cache, and enough to fill a GPU."""


class _LinearNll(torch.autograd.Function):
    """Σ nll of ``hidden @ weight.T`` against targets, with both gradients made in the forward pass.

    With z-loss, Σ (nll + z logsumexp²) over the same tokens.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, dtype: torch.dtype, chunk: int, z_loss: float
    ) -> Tensor:
        tokens = hidden.shape[0]
        need_hidden, need_weight = ctx.needs_input_grad[:2]
        matrix = weight.to(dtype)
        wide = torch.promote_types(dtype, torch.float32)
        total = torch.zeros((), dtype=wide, device=hidden.device)
        grad_hidden = torch.empty(hidden.shape, dtype=dtype, device=hidden.device) if need_hidden else None
        grad_weight = torch.zeros(weight.shape, dtype=wide, device=hidden.device) if need_weight else None
        for start in range(0, tokens, chunk):
            rows = slice(start, min(start + chunk, tokens))
            part, wanted = hidden[rows].to(dtype), targets[rows]
            counted = wanted != IGNORE
            index = torch.where(counted, wanted, 0).unsqueeze(1)
            logits = (part @ matrix.t()).to(wide)
            normaliser = torch.logsumexp(logits, dim=1, keepdim=True)
            losses = normaliser - logits.gather(1, index)
            if z_loss:
                losses = losses + z_loss * normaliser.square()
            total += torch.where(counted, losses.squeeze(1), 0.0).sum()
            if grad_hidden is None and grad_weight is None:
                continue
            slope = logits.sub_(normaliser).exp_()
            if z_loss:
                slope.mul_(1.0 + 2.0 * z_loss * normaliser)
            slope.scatter_add_(1, index, torch.full_like(normaliser, -1.0))
            slope = slope.mul_(counted.unsqueeze(1)).to(dtype)
            if grad_hidden is not None:
                torch.mm(slope, matrix, out=grad_hidden[rows])
            if grad_weight is not None:
                grad_weight += slope.t() @ part
        ctx.save_for_backward(grad_hidden, grad_weight)
        ctx.dtypes = (hidden.dtype, weight.dtype)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None, None]:
        grad_hidden, grad_weight = ctx.saved_tensors
        hidden_dtype, weight_dtype = ctx.dtypes
        if grad_hidden is not None:
            grad_hidden = grad_hidden.to(hidden_dtype) * grad_output
        if grad_weight is not None:
            grad_weight = grad_weight.mul_(grad_output).to(weight_dtype)
        return grad_hidden, grad_weight, None, None, None, None


class OutputLayer(nn.Linear):
    """Hidden states to logits; given targets, to their summed loss without ever making all logits.

    The loss is taken inside ``forward`` so that whoever gathers sharded weights around a module (FSDP, ZeRO-3) does
    so here too.

    Attributes:
        z_loss: in training, the loss of a token grows by this times the square of its logits' logsumexp (Chowdhery et
            al. 2022, section 5); 0: it does not.
    """

    z_loss: float = 0.0

    def forward(self, hidden: Tensor, targets: Tensor | None = None) -> Tensor:
        """Logits of shape (..., vocabulary), or the summed loss of ``targets`` of shape (...).

        The sum is a scalar in fp32, in fp64 for weights in fp64.
        """
        if targets is None:
            return super().forward(hidden)
        device = hidden.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else self.weight.dtype
        chunk = max(1, CHUNK_BYTES.get(device, CHUNK_BYTES["cuda"]) // (4 * self.out_features))
        flat, z_loss = hidden.reshape(-1, hidden.shape[-1]), self.z_loss if self.training else 0.0
        with torch.autocast(device, enabled=False):
            total: Tensor = _LinearNll.apply(flat, self.weight, targets.reshape(-1), dtype, chunk, z_loss)
        return total
