"""Every value that is derived for a pretraining run, and why: ``python -m bessemer.training.explain_config [WORLD]``.

``bessemer explain-config`` runs it, because it looks at the devices as training does. It prints JSON: a list of
``{"section", "name", "value", "why"}``. Nothing is started.
"""

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from bessemer.config.distributed import DistributedRuntime, Strategy
from bessemer.config.load import load_params, load_runtime
from bessemer.config.pretrain import PretrainParams
from bessemer.errors import BessemerError
from bessemer.model.attention import choose_backend
from bessemer.model.precision import resolve_precision
from bessemer.model.sizes import ModelSize
from bessemer.training.combinations import require_possible
from bessemer.training.compilation import choose_compile
from bessemer.training.plan import memory_per_gpu
from bessemer.training.preflight import state_size
from bessemer.training.step import DTYPES
from bessemer.training.topology import (
    bucket_cap,
    launched,
    planned_processes,
    planned_strategy,
    planned_threads,
    split_batch,
    token_budget,
)
from bessemer.training.zero import deepspeed_config

_AUTO = "auto"


@dataclass(frozen=True)
class Derived:
    """A value, where it belongs, and the reason in a sentence."""

    section: str
    name: str
    value: Any
    why: str


@dataclass(frozen=True)
class _Resolved:
    strategy: Strategy
    world: int
    local: int
    device: torch.device
    precision: str
    micro_batch: int
    accumulation: int


def explain(
    params: PretrainParams, runtime: DistributedRuntime, vocab_size: int, world: int | None = None
) -> list[Derived]:
    """All of it, in the order in which it follows from each other.

    Args:
        params: the run.
        runtime: section ``distributed`` of runtime.yaml.
        vocab_size: tokens of the tokenizer.
        world: processes on all machines, as if so many were started; without it, this machine's.

    Raises:
        ConfigError: the settings exclude each other, or cannot work here.
    """
    local = planned_processes(runtime)
    count = world or (int(os.environ["WORLD_SIZE"]) if launched() else local)
    strategy = planned_strategy(runtime, count)
    require_possible(params, runtime, strategy, count, local=local)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    micro_batch, accumulation = split_batch(params, runtime, count, token_budget(params, runtime))
    precision = resolve_precision(params.precision, device)
    resolved = _Resolved(strategy, count, local, device, precision, micro_batch, accumulation)
    return [
        *_execution(params, runtime, resolved, vocab_size),
        *_batch(params, runtime, resolved),
        *_rates(params),
        *_intervals(params, runtime),
        *_size(params, resolved, vocab_size),
        *_generated(params, runtime, resolved),
    ]


def _execution(
    params: PretrainParams, runtime: DistributedRuntime, resolved: _Resolved, vocab_size: int
) -> Iterator[Derived]:
    gpus = torch.cuda.device_count()
    here = f"{gpus} GPUs here" if gpus else "no GPU here: one process"
    where = "one for each GPU" if gpus else here
    yield Derived(
        "execution", "processes", resolved.world, where if runtime.processes == _AUTO else "distributed.processes"
    )
    rule = "auto: none for one process, ddp for more"
    yield Derived(
        "execution", "strategy", resolved.strategy, rule if runtime.strategy == _AUTO else "distributed.strategy"
    )
    yield Derived("execution", "device", resolved.device.type, here)
    threads = planned_threads(runtime, resolved.local)
    why = (
        f"cores of this machine over {resolved.local} processes" if runtime.threads == _AUTO else "distributed.threads"
    )
    yield Derived("execution", "threads", threads, why)
    native = "the hardware multiplies in it" if resolved.precision != "fp32" else "the hardware has no bf16 products"
    asked = params.precision != _AUTO
    yield Derived("execution", "precision", resolved.precision, "pretrain.precision" if asked else f"auto: {native}")
    choice = choose_backend(runtime.attention, resolved.device, DTYPES[resolved.precision])
    yield Derived("execution", "attention", choice.backend, choice.reason)
    causal = ModelSize.of(params.model, vocab_size).flops_per_token(params.sequence_length)[1]
    operations = causal * params.total_tokens / resolved.world
    compiling = choose_compile(runtime, resolved.device, resolved.strategy, operations)
    yield Derived("execution", "compile", compiling.compile, compiling.reason)


def _batch(params: PretrainParams, runtime: DistributedRuntime, resolved: _Resolved) -> Iterator[Derived]:
    sequences = params.batch_sequences
    yield Derived(
        "batch",
        "samples of a step",
        sequences,
        f"batch_tokens {params.batch_tokens:,} / sequence_length {params.sequence_length:,}",
    )
    room = "16,384 tokens at most on a CPU" if resolved.device.type == "cpu" else "half of the memory that is free"
    why = f"auto: the largest divisor of {sequences // resolved.world} within {room}"
    yield Derived(
        "batch",
        "micro_batch",
        resolved.micro_batch,
        why if runtime.micro_batch == _AUTO else "distributed.micro_batch",
    )
    yield Derived(
        "batch",
        "accumulation",
        resolved.accumulation,
        f"{sequences} samples / ({resolved.world} processes x {resolved.micro_batch})",
    )
    yield Derived("batch", "steps", params.steps, f"tokens {params.tokens:,} / batch_tokens, rounded up")
    yield Derived("batch", "tokens", params.total_tokens, "steps x batch_tokens")
    if "batch_tokens" in params.derived:
        yield Derived("batch", "batch_tokens", params.batch_tokens, params.derived["batch_tokens"].because)


def _rates(params: PretrainParams) -> Iterator[Derived]:
    optimizer, derived = params.optimizer, params.derived
    rates = {
        "optimizer.adamw.learning_rate": (optimizer.adamw.learning_rate, "matrices and norms"),
        "optimizer.adamw.embedding_learning_rate": (optimizer.adamw.embedding_learning_rate, "embedding, output layer"),
    }
    if optimizer.name == "muon":
        rates["optimizer.adamw.learning_rate"] = (optimizer.adamw.learning_rate, "norms")
        rates = {"optimizer.muon.learning_rate": (optimizer.muon.learning_rate, "matrices"), **rates}
    for key, (rate, what) in rates.items():
        yield Derived("rates", key, rate, f"{what}: {derived[key].because if key in derived else 'pretrain.' + key}")
    schedule = params.schedule
    steps = schedule.warmup_tokens / params.batch_tokens
    yield Derived("rates", "warm-up steps", round(steps, 1), f"{schedule.warmup_tokens:,} tokens / batch_tokens")
    if schedule.name == "wsd":
        begins = int(params.total_tokens * (1 - schedule.decay_fraction))
        yield Derived("rates", "decay begins at token", begins, f"last {schedule.decay_fraction:.0%} of the run (wsd)")
    why = f"{schedule.name}, final_fraction {schedule.final_fraction:g} of the peaks at the last token"
    yield Derived("rates", "schedule", schedule.name, why)
    yield Derived("rates", "clipping", params.clip_norm, "pretrain.clip_norm, of the global gradient norm")


def _intervals(params: PretrainParams, runtime: DistributedRuntime) -> Iterator[Derived]:
    steps, tokens = runtime.checkpoint_steps, runtime.checkpoint_steps * params.batch_tokens
    yield Derived("intervals", "checkpoint", f"{steps:,} steps", f"distributed.checkpoint_steps: {tokens:,} tokens")
    every = params.validation.every_tokens
    yield Derived("intervals", "validation", f"{params.validation_steps:,} steps", f"validation.every_tokens {every:,}")
    samples = params.sample_steps
    yield Derived(
        "intervals",
        "samples",
        "none" if samples is None else f"{samples:,} steps",
        "samples.every_tokens is null" if samples is None else f"samples.every_tokens {params.samples.every_tokens:,}",
    )


def _size(params: PretrainParams, resolved: _Resolved, vocab_size: int) -> Iterator[Derived]:
    size = ModelSize.of(params.model, vocab_size)
    kinds = ", ".join(f"{count:,} in {kind}" for kind, count in size.by_kind.items())
    yield Derived("size", "parameters", size.parameters, kinds)
    palm, causal = size.flops_per_token(params.sequence_length)
    yield Derived("size", "operations a token", palm, f"6 N + 12 L H Q T (PaLM); {causal:,} with 6 L H Q T (causal)")
    state = state_size(size.by_kind, params.optimizer.name)
    yield Derived("size", "checkpoint", f"{state.checkpoint / 1e6:,.1f} MB", "weights and optimizer state in fp32")
    tokens = resolved.micro_batch * params.sequence_length
    memory = memory_per_gpu(size, resolved.strategy, resolved.world, params.optimizer.name, tokens)
    why = "on a GPU in bf16, estimated: bessemer plan pretrain has its parts"
    yield Derived("size", "memory of a process", f"{memory.total / 1e9:,.1f} GB", why)


def _generated(params: PretrainParams, runtime: DistributedRuntime, resolved: _Resolved) -> Iterator[Derived]:
    mixed = resolved.precision != "fp32"
    if resolved.strategy == "ddp":
        cap = bucket_cap(runtime)
        yield Derived("generated", "DDP bucket_cap_mb", round(cap, 3), f"bucket_mb {runtime.bucket_mb:g} x 10^6 / 2^20")
    elif resolved.strategy == "fsdp2":
        yield Derived("generated", "FSDP2 mesh", [resolved.world], "one dimension over all processes")
        yield Derived("generated", "FSDP2 units", params.model.shape.layers + 1, "every layer, and the rest")
        dtype = "bfloat16" if mixed else "float32"
        yield Derived("generated", "FSDP2 param_dtype", dtype, f"precision {resolved.precision}")
        yield Derived("generated", "FSDP2 reduce_dtype", "float32", "gradients are added in fp32")
        yield Derived("generated", "FSDP2 offload", runtime.offload == "parameters", f"offload: {runtime.offload}")
    elif resolved.strategy.startswith("zero"):
        settings = deepspeed_config(
            stage=int(resolved.strategy[-1]),
            runtime=runtime,
            clip_norm=params.clip_norm,
            bf16=resolved.precision == "bf16",
            micro_batch=resolved.micro_batch,
            accumulation=resolved.accumulation,
            world=resolved.world,
        )
        yield Derived("generated", "DeepSpeed", settings, "all of it; nothing is auto")


def main(arguments: list[str]) -> int:
    """Print the JSON for the checkout in the present folder; the exit code of the error, said as ``{"error"}``."""
    root = Path()
    try:
        params, runtime = load_params(root), load_runtime(root)
        world = int(arguments[0]) if arguments else None
        found = explain(params.pretrain, runtime.distributed, params.tokenizer.vocab_size, world)
    except BessemerError as error:
        json.dump({"error": str(error), "exit_code": error.exit_code}, sys.stdout)
        return error.exit_code
    json.dump([asdict(item) for item in found], sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
