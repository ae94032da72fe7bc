"""Three training loops around models of one shape: ours, and two as they are usually written.

The nanoGPT-style one: GPT-2's parts (learned positions, LayerNorm, GELU, biasless linears), random offsets into the
stream of tokens, all logits, AdamW. The Hugging Face-style one: ``LlamaForCausalLM`` with `labels`, blocks shuffled by
a DataLoader, fused AdamW, clipping, as Trainer has by default. Neither keeps packed documents apart.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import AdamW
from transformers import LlamaConfig, LlamaForCausalLM

from bessemer.config.distributed import DistributedRuntime
from bessemer.config.pretrain import PretrainParams
from bessemer.model.presets import build_model
from bessemer.tokens.loader import TokenStream, Windows
from bessemer.training.run import build_engine
from bessemer.training.samples import collate
from bessemer.training.step import Bounds
from bessemer.training.topology import start

_WARM_UP = 10
_DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}


@dataclass(frozen=True)
class Task:
    """What every loop trains.

    Attributes:
        params: shape, batch, sequence length and rates; ``precision`` is bf16 or fp32.
        vocabulary: rows of the embedding.
        tokens: folder with ``train`` and ``val``.
        device: that trains.
        compile: compile the model.
    """

    params: PretrainParams
    vocabulary: int
    tokens: Path
    device: torch.device
    compile: bool

    @property
    def autocast(self) -> AbstractContextManager[Any]:
        """Of the peers; ours has its own."""
        dtype = _DTYPES[self.params.precision]
        return torch.autocast(self.device.type, dtype=dtype, enabled=dtype != torch.float32)


@dataclass(frozen=True)
class Loop:
    """A model with its step.

    Attributes:
        step: trains on the next batch; its loss in nats a token, read from the device.
        held_out: loss of the same held-out windows in every loop, nats a token.
        parameters: of the model.
    """

    step: Callable[[], float]
    held_out: Callable[[], float]
    parameters: int


def ours(task: Task, optimizer: str) -> Loop:
    """The real model and engine, documents kept apart."""
    params = task.params.model_copy(update={"optimizer": task.params.optimizer.model_copy(update={"name": optimizer})})
    runtime = DistributedRuntime.model_validate({"strategy": "none", "compile": task.compile, "micro_batch": 1})
    topology = start(params, runtime, task.tokens / "extensions")
    model = build_model(params.model, task.vocabulary, seed=0, attention=_attention(task))
    engine = build_engine(model.train(), params, runtime, topology)
    windows = Windows(TokenStream(task.tokens / "train"), params.sequence_length, params.seed)
    held = Windows(TokenStream(task.tokens / "val"), params.sequence_length, params.seed)
    size = params.batch_sequences
    count = 0

    def step() -> float:
        nonlocal count
        inputs = collate(windows, np.arange(count * size, (count + 1) * size, dtype=np.int64), task.device)
        loss = float(engine.accumulate(inputs, params.batch_tokens, last=True))
        count += 1
        engine.step(min(1.0, count / _WARM_UP), loss, Bounds())
        return loss

    def held_out() -> float:
        engine.model.eval()
        losses = [
            float(engine.evaluate(collate(held, indices, task.device))) / (len(indices) * params.sequence_length)
            for indices in _held_out(held.count, size)
        ]
        engine.model.train()
        return sum(losses) / len(losses)

    return Loop(step, held_out, sum(item.numel() for item in model.parameters()))


def nanogpt_style(task: Task) -> Loop:
    """GPT-2's parts, all logits, random offsets."""
    model = _Gpt(task).to(task.device)
    trained: Any = torch.compile(model) if task.compile else model
    rate = task.params.optimizer.adamw.learning_rate
    optimizer = AdamW(
        model.parameters(), lr=rate, betas=(0.9, 0.95), weight_decay=0.1, fused=task.device.type == "cuda"
    )
    stream = TokenStream(task.tokens / "train")
    rng = np.random.default_rng(0)
    length, size = task.params.sequence_length, task.params.batch_sequences

    def batches() -> Iterator[Tensor]:
        while True:
            offsets = rng.integers(0, stream.total_tokens - length - 1, size=size)
            yield torch.from_numpy(np.stack([stream.slice(int(offset), length + 1) for offset in offsets]))

    return _peer(task, model, lambda batch: trained(batch[:, :-1], batch[:, 1:]), optimizer, batches())


def huggingface_style(task: Task) -> Loop:
    """``LlamaForCausalLM`` as Trainer trains it: shuffled blocks, the loss inside the model."""
    shape, length = task.params.model.shape, task.params.sequence_length
    config = LlamaConfig(
        vocab_size=task.vocabulary,
        hidden_size=shape.hidden_size,
        intermediate_size=shape.intermediate_size,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        head_dim=shape.head_dim,
        max_position_embeddings=shape.context_length,
        tie_word_embeddings=shape.tie_embeddings,
        use_cache=False,
    )
    model = LlamaForCausalLM(config).to(task.device)
    trained: Any = torch.compile(model) if task.compile else model
    optimizer = AdamW(
        model.parameters(),
        lr=task.params.optimizer.adamw.learning_rate,
        betas=(0.9, 0.95),
        weight_decay=0.1,
        fused=True,
    )
    stream = TokenStream(task.tokens / "train")
    blocks = [
        torch.from_numpy(stream.slice(start, length + 1))
        for start in range(0, min(stream.total_tokens, 20_000 * length) - length - 1, length)
    ]

    def batches() -> Iterator[Tensor]:
        loader = torch.utils.data.DataLoader(
            blocks,  # type: ignore[arg-type]
            batch_size=task.params.batch_sequences,
            shuffle=True,
            drop_last=True,
            generator=torch.Generator().manual_seed(0),
        )
        while True:
            yield from loader

    def loss(batch: Tensor) -> Tensor:
        read, wanted = batch[:, :-1], batch[:, 1:].contiguous()
        output: Tensor = trained(input_ids=read, labels=read, shift_labels=wanted).loss
        return output

    return _peer(task, model, loss, optimizer, batches())


def _peer(
    task: Task, model: nn.Module, loss_of: Callable[[Tensor], Tensor], optimizer: AdamW, batches: Iterator[Tensor]
) -> Loop:
    """The plain loop that both peers share: forward, backward, clip, step."""
    rate, count = optimizer.defaults["lr"], 0
    stream = TokenStream(task.tokens / "val")
    held = Windows(stream, task.params.sequence_length, task.params.seed)

    def step() -> float:
        nonlocal count
        count += 1
        batch = next(batches).to(task.device, non_blocking=True)
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, count / _WARM_UP)
        with task.autocast:
            loss = loss_of(batch)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), task.params.clip_norm or math.inf)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return float(loss.detach())

    @torch.no_grad()
    def held_out() -> float:
        model.eval()
        losses = []
        for indices in _held_out(held.count, task.params.batch_sequences):
            batch = torch.from_numpy(np.stack([held.sample(int(index)).tokens for index in indices])).to(task.device)
            with task.autocast:
                losses.append(float(loss_of(batch)))
        model.train()
        return sum(losses) / len(losses)

    return Loop(step, held_out, sum(item.numel() for item in model.parameters()))


class _Gpt(nn.Module):
    """A decoder with GPT-2's parts, of the shape of the task: as many matrix weights as SwiGLU with 2/3 the width."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        shape = task.params.model.shape
        inner = shape.intermediate_size * 3 // 2
        self.tokens = nn.Embedding(task.vocabulary, shape.hidden_size)
        self.positions = nn.Embedding(shape.context_length, shape.hidden_size)
        self.blocks = nn.ModuleList(_Block(shape.hidden_size, inner, shape.heads) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.hidden_size, bias=False)
        for parameter in self.parameters():
            if parameter.ndim == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Mean loss in nats."""
        hidden = self.tokens(tokens) + self.positions(torch.arange(tokens.shape[1], device=tokens.device))
        for block in self.blocks:
            hidden = block(hidden)
        logits = functional.linear(self.norm(hidden), self.tokens.weight)
        return functional.cross_entropy(logits.flatten(0, 1), targets.reshape(-1))


class _Block(nn.Module):
    def __init__(self, hidden: int, inner: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList([nn.LayerNorm(hidden, bias=False), nn.LayerNorm(hidden, bias=False)])
        self.into, self.out = nn.Linear(hidden, 3 * hidden, bias=False), nn.Linear(hidden, hidden, bias=False)
        self.up, self.down = nn.Linear(hidden, inner, bias=False), nn.Linear(inner, hidden, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        batch, length, width = hidden.shape
        query, key, value = (
            part.view(batch, length, self.heads, -1).transpose(1, 2)
            for part in self.into(self.norms[0](hidden)).split(width, dim=-1)
        )
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        hidden = hidden + self.out(mixed.transpose(1, 2).reshape(batch, length, width))
        return hidden + self.down(functional.gelu(self.up(self.norms[1](hidden))))


def _attention(task: Task) -> str:
    from bessemer.model.attention import choose_backend

    return choose_backend("auto", task.device, _DTYPES[task.params.precision]).backend


def _held_out(count: int, size: int) -> list[np.ndarray[Any, np.dtype[np.int64]]]:
    windows = min(count, 4 * size) // size * size
    return [np.arange(first, first + size, dtype=np.int64) for first in range(0, windows, size)]
