"""Who trains: strategy, processes, device and precision, resolved once from runtime.yaml and the environment.

Accelerate starts the process group and nothing else may: its own environment variables are read here, compared with
runtime.yaml and taken away, so that one file owns every setting. What was asked for is compared with what came up.
"""

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import cast

import torch
from accelerate import Accelerator, PartialState
from accelerate.utils import DeepSpeedPlugin, DistributedDataParallelKwargs

from bessemer.config.distributed import DistributedRuntime, Strategy
from bessemer.config.pretrain import PretrainParams
from bessemer.errors import ConfigError
from bessemer.model.precision import Precision, resolve_precision
from bessemer.training.zero import deepspeed_plugin, require_toolchain

_ZERO = {"zero1": 1, "zero2": 2, "zero3": 3}


@dataclass(frozen=True)
class Topology:
    """How this process takes part in the run.

    Attributes:
        strategy: what runs, never ``auto``.
        world: number of processes.
        rank: number of this process; 0 writes files.
        device: where the model is.
        precision: of the matrix products; weights and optimizer state are fp32.
        micro_batch: samples of one forward pass.
        accumulation: forward passes of one step in this process.
        accelerator: process group, preparation and collectives.
    """

    strategy: Strategy
    world: int
    rank: int
    device: torch.device
    precision: Precision
    micro_batch: int
    accumulation: int
    accelerator: Accelerator

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and progress."""
        return self.rank == 0

    def sum(self, values: list[float]) -> list[float]:
        """Element-wise sum over all processes, in fp64."""
        tensor = torch.tensor(values, dtype=torch.float64, device=self.device)
        if torch.distributed.is_initialized():
            torch.distributed.all_reduce(tensor)
        return cast(list[float], tensor.tolist())

    def gather(self, names: tuple[str, ...]) -> list[str]:
        """What all processes give, one after the other."""
        if not torch.distributed.is_initialized():
            return list(names)
        found: list[tuple[str, ...]] = [()] * self.world
        torch.distributed.all_gather_object(found, names)
        return [name for given in found for name in given]

    def broadcast(self, value: int) -> int:
        """The value of rank 0."""
        return int(self.sum([float(value) if self.is_main else 0.0])[0])

    def barrier(self) -> None:
        """Wait for all processes."""
        self.accelerator.wait_for_everyone()


def launched() -> bool:
    """Whether a launcher (ours, accelerate's or torchrun) started this process as a rank."""
    return "RANK" in os.environ and "WORLD_SIZE" in os.environ


def planned_processes(runtime: DistributedRuntime) -> int:
    """Processes that runtime.yaml asks for on this machine."""
    if runtime.strategy == "none":
        return 1
    if runtime.processes == "auto":
        return max(1, torch.cuda.device_count())
    return runtime.processes


def planned_strategy(runtime: DistributedRuntime, world: int) -> Strategy:
    """The strategy of runtime.yaml with ``auto`` resolved, for ``world`` processes.

    Raises:
        ConfigError: the launcher's flags say something else, or it is none for several processes.
    """
    flagged = _flagged_strategy()
    if runtime.strategy == "auto":
        return flagged or ("ddp" if world > 1 else "none")
    if flagged and flagged != runtime.strategy:
        raise ConfigError(
            f"the launcher was started for {flagged}, runtime.yaml: distributed.strategy is {runtime.strategy}; "
            "leave the flag out, or set strategy: auto."
        )
    if runtime.strategy == "none" and world > 1:
        raise ConfigError(
            f"runtime.yaml: distributed.strategy is none, which is for one process, and there are {world}: each would "
            "train a model of its own; use ddp, fsdp2, or auto."
        )
    return runtime.strategy


def start(params: PretrainParams, runtime: DistributedRuntime, extensions: Path) -> Topology:
    """Join the process group (if any) and compare it with what was asked for.

    Args:
        params: batch, sequence length and precision.
        runtime: section ``distributed`` of runtime.yaml.
        extensions: folder in which DeepSpeed's compiled parts are kept.

    Raises:
        ConfigError: the settings exclude each other, or another number of processes came up.
    """
    asked = int(os.environ["WORLD_SIZE"]) if launched() else 1
    strategy = planned_strategy(runtime, asked)
    refuse_impossible(params, strategy)
    _disown_accelerate()
    _set_threads(runtime)
    state = _join(runtime)
    require_asked(runtime, state.num_processes, asked)
    tokens = least(token_budget(params, runtime), state.device)
    micro_batch, accumulation = split_batch(params, runtime, state.num_processes, tokens)
    precision = resolve_precision(params.precision, state.device)
    plugin = None
    if strategy in _ZERO:
        _prepare_deepspeed(extensions)
        plugin = deepspeed_plugin(
            stage=_ZERO[strategy],
            runtime=runtime,
            clip_norm=params.clip_norm,
            bf16=precision == "bf16",
            micro_batch=micro_batch,
            accumulation=accumulation,
            world=state.num_processes,
        )
    return Topology(
        strategy=strategy,
        world=state.num_processes,
        rank=state.process_index,
        device=state.device,
        precision=precision,
        micro_batch=micro_batch,
        accumulation=accumulation,
        accelerator=_accelerator(runtime, plugin),
    )


def require_asked(runtime: DistributedRuntime, world: int, asked: int) -> None:
    """Compare what came up with what was started, and with what runtime.yaml asks for on each machine.

    Args:
        runtime: section ``distributed`` of runtime.yaml.
        world: processes in the group, on all machines.
        asked: processes that the launcher says it has started, on all machines.

    Raises:
        ConfigError: the numbers differ.
    """
    if world != asked:
        raise ConfigError(
            f"{world} training processes came up and {asked} were started; on a machine without GPUs start them with "
            "`torchrun` or let the stage do it."
        )
    here = int(os.environ.get("LOCAL_WORLD_SIZE", world)) if launched() else world
    if isinstance(runtime.processes, int) and here != runtime.processes:
        raise ConfigError(
            f"{here} training processes were started on this machine and runtime.yaml: distributed.processes is "
            f"{runtime.processes}; start as many, or set it to auto."
        )


def least(value: int, device: torch.device) -> int:
    """The smallest of the values that all processes give."""
    if not torch.distributed.is_initialized():
        return value
    tensor = torch.tensor(value, dtype=torch.int64, device=device)
    torch.distributed.all_reduce(tensor, op=torch.distributed.ReduceOp.MIN)
    return int(tensor)


def refuse_impossible(params: PretrainParams, strategy: Strategy) -> None:
    """Name combinations that cannot work before anything is started.

    Raises:
        ConfigError: Muon or fp16 together with ZeRO.
    """
    if strategy in _ZERO and params.precision == "fp16":
        raise ConfigError(
            f"pretrain.precision is fp16 and runtime.yaml: distributed.strategy is {strategy}: scaled losses are for "
            "none, ddp and fsdp2; use one of them, or precision bf16 or fp32."
        )
    if strategy in _ZERO and params.optimizer.name == "muon":
        raise ConfigError(
            f"pretrain.optimizer.name is muon and runtime.yaml: distributed.strategy is {strategy}: ZeRO cuts matrices "
            "into flat pieces, which Muon cannot orthogonalise; use strategy fsdp2 or ddp, or optimizer.name: adamw."
        )


def split_batch(params: PretrainParams, runtime: DistributedRuntime, world: int, tokens: int) -> tuple[int, int]:
    """Samples of one forward pass and forward passes of one step, the same for each process.

    Args:
        params: batch and sequence length.
        runtime: section ``distributed`` of runtime.yaml.
        world: number of processes.
        tokens: what every process can hold in one forward pass, for ``micro_batch: auto``.

    Raises:
        ConfigError: the batch cannot be divided.
    """
    if params.batch_sequences % world:
        raise ConfigError(
            f"pretrain.batch_tokens gives {params.batch_sequences} samples a step, which {world} processes cannot "
            "share equally; change batch_tokens or distributed.processes."
        )
    share = params.batch_sequences // world
    if runtime.micro_batch == "auto":
        micro_batch = _largest_divisor(share, max(1, tokens // params.sequence_length))
    else:
        micro_batch = runtime.micro_batch
    if share % micro_batch:
        raise ConfigError(
            f"distributed.micro_batch is {micro_batch}, which does not divide the {share} samples of a process's step; "
            f"use {_largest_divisor(share, micro_batch)} or auto."
        )
    return micro_batch, share // micro_batch


def token_budget(params: PretrainParams, runtime: DistributedRuntime) -> int:
    """Tokens whose activations fill at most half of the memory that is free on the current device."""
    shape = params.model.shape
    layer = 2 * (18 * shape.hidden_size + 8 * shape.intermediate_size)
    kept = {
        "none": layer,
        "selective": 2 * (7 * shape.hidden_size + 2 * shape.intermediate_size),
        "full": 2 * shape.hidden_size,
    }
    per_token = shape.layers * kept[runtime.gradient_checkpointing] + layer
    if not torch.cuda.is_available():
        return 16_384
    free, _ = torch.cuda.mem_get_info()
    return max(1, free // 2 // per_token)


def _largest_divisor(number: int, bound: int) -> int:
    return max(divisor for divisor in range(1, min(number, max(1, bound)) + 1) if number % divisor == 0)


def _join(runtime: DistributedRuntime) -> PartialState:
    """Start the process group and make this process's device the current one."""
    cpu = not torch.cuda.is_available()
    if not launched():
        return PartialState(cpu=cpu)
    on_gpu = "cuda:nccl,cpu:gloo" if runtime.offload == "parameters" else "nccl"  # offloaded gradients have a norm too
    return PartialState(cpu=cpu, backend="gloo" if cpu else on_gpu, timeout=timedelta(seconds=runtime.timeout_s))


def _prepare_deepspeed(extensions: Path) -> None:
    require_toolchain()
    os.environ.setdefault("TORCH_EXTENSIONS_DIR", str(extensions.resolve()))
    if not torch.cuda.is_available():
        os.environ.setdefault("DS_ACCELERATOR", "cpu")


def bucket_cap(runtime: DistributedRuntime) -> float:
    """DDP's bucket size: accelerate hands it on as it is, DDP multiplies it by 2**20 and then rounds down to bytes."""
    return runtime.bucket_mb * 1e6 / 2**20


def _accelerator(runtime: DistributedRuntime, plugin: DeepSpeedPlugin | None) -> Accelerator:
    if plugin is not None:
        return Accelerator(deepspeed_plugin=plugin)
    bucket = DistributedDataParallelKwargs(bucket_cap_mb=bucket_cap(runtime))
    return Accelerator(cpu=not torch.cuda.is_available(), mixed_precision="no", kwargs_handlers=[bucket])


def _flagged_strategy() -> Strategy | None:
    """What ``accelerate launch`` was asked for by flag or by its own configuration file."""
    if os.environ.get("ACCELERATE_USE_DEEPSPEED", "false").lower() == "true":
        return cast(Strategy, f"zero{os.environ.get('ACCELERATE_DEEPSPEED_ZERO_STAGE', '2')}")
    if os.environ.get("ACCELERATE_USE_FSDP", "false").lower() == "true":
        return "fsdp2"
    return None


def _disown_accelerate() -> None:
    """Take away the settings that ``accelerate launch`` leaves in the environment; they have been read."""
    for name in [name for name in os.environ if name.startswith(("ACCELERATE_", "FSDP_"))]:
        del os.environ[name]


def planned_threads(runtime: DistributedRuntime, local: int) -> int:
    """CPU threads of each of ``local`` processes on this machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // local) if runtime.threads == "auto" else runtime.threads


def _set_threads(runtime: DistributedRuntime) -> None:
    threads = planned_threads(runtime, int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
    os.environ["OMP_NUM_THREADS"] = str(threads)
    torch.set_num_threads(threads)
