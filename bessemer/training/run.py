"""One training run from its inputs to weights: everything is put together here, and nothing is decided."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bessemer.config.distributed import DistributedRuntime
from bessemer.config.pretrain import PretrainParams
from bessemer.model.attention import choose_backend
from bessemer.model.modeling import BessemerForCausalLM
from bessemer.model.presets import build_model, flops_per_token
from bessemer.progress import Progress
from bessemer.shards import write_json
from bessemer.tokens.arrange import arrange
from bessemer.tokens.loader import TokenStream, Windows
from bessemer.training.checkpoint import CheckpointStore, sole_trainer
from bessemer.training.interrupt import interruptible
from bessemer.training.loop import Run, resume, train
from bessemer.training.metrics import MetricsLog
from bessemer.training.optimizer import parameter_groups
from bessemer.training.preflight import require_disk, state_size
from bessemer.training.sample_tables import sample_facts
from bessemer.training.samples import Validation
from bessemer.training.step import Engine
from bessemer.training.topology import Topology, start

OUTCOME = "outcome.json"
Bar = Callable[[str, int, str], AbstractContextManager[Progress]]


@dataclass(frozen=True)
class Places:
    """Folders of a run: token shards, where its checkpoints live, and where compiled parts are kept."""

    train: Path
    validation: Path
    scratch: Path
    extensions: Path
    resume_from: Path | None = None


@dataclass(frozen=True)
class Trained:
    """What a process has after the last step.

    Attributes:
        topology: who trained.
        model: with its configuration; under FSDP2 and ZeRO its weights are sharded.
        weights: all of them, fp32 on the CPU.
    """

    topology: Topology
    model: BessemerForCausalLM
    weights: dict[str, Tensor]


def pretrain(places: Places, params: PretrainParams, runtime: DistributedRuntime, bar: Bar) -> Trained:
    """Train, or continue training, and leave metrics, checkpoints and ``outcome.json`` in the scratch folder.

    Args:
        places: folders.
        params: what the result depends on.
        runtime: how it is executed.
        bar: makes a progress bar from label, total and unit.

    Raises:
        ConfigError: the settings or inputs do not fit together.
        DataError: inputs are damaged, or the disk is too small.
        GateFailed: too many steps in a row were not finite.
        TryAgain: a signal asked for the end after a checkpoint, or another process trains in the same folder.
    """
    topology = start(params, runtime, places.extensions)
    with _hold(places.scratch, topology), interruptible() as interrupt:
        stream = TokenStream(places.train)
        model = _model(params, runtime, topology, stream)
        facts = _facts(model, params, stream)
        if topology.is_main:  # other machines may not have the folder yet
            require_disk(places.scratch, state_size(facts["parameters_by_kind"], params.optimizer.name), runtime)
        run = Run(
            params=params,
            runtime=runtime,
            topology=topology,
            engine=build_engine(model, params, runtime, topology),
            train=arrange(stream, params, places.scratch),
            validation=_validation(places.validation, params),
            store=CheckpointStore(places.scratch, runtime.checkpoints_kept),
            log=None,
            interrupt=interrupt,
            kind=topology.strategy if topology.strategy.startswith("zero") else "torch",
        )
        resumed = resume(run, places.resume_from)
        if topology.is_main:
            run.log = MetricsLog(places.scratch, run.step)
            with bar("pretrain", params.steps, "steps") as progress:
                _train(run, progress)
            facts |= sample_facts(stream, params, places.scratch)
            write_json(places.scratch / OUTCOME, _outcome(run, model, facts, resumed))
        else:
            _train(run, None)
        return Trained(topology, model, run.engine.full_state_dict())


def build_engine(
    model: BessemerForCausalLM, params: PretrainParams, runtime: DistributedRuntime, topology: Topology
) -> Engine:
    """The engine of the topology's strategy. DeepSpeed is imported only here and only for ZeRO."""
    if topology.strategy.startswith("zero"):
        from bessemer.training.zero_engine import ZeroEngine

        return ZeroEngine(model, params.optimizer, topology)
    from bessemer.training.torch_engine import TorchEngine

    return TorchEngine(model, params, runtime, topology)


def _hold(scratch: Path, topology: Topology) -> AbstractContextManager[None]:
    return sole_trainer(scratch) if topology.is_main else nullcontext()


def _model(
    params: PretrainParams, runtime: DistributedRuntime, topology: Topology, stream: TokenStream
) -> BessemerForCausalLM:
    dtype = torch.bfloat16 if topology.precision == "bf16" else torch.float32
    choice = choose_backend(runtime.attention, topology.device, dtype)
    model = build_model(
        params.model, stream.vocab_size, seed=params.seed, attention=choice.backend, eos_token_id=stream.eos_id
    )
    if runtime.gradient_checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
    model.train()
    return model


def _validation(directory: Path, params: PretrainParams) -> Validation | None:
    """None if the validation documents do not fill one window."""
    stream = TokenStream(directory)
    if stream.total_tokens <= params.sequence_length:
        return None
    return Validation.of(Windows(stream, params.sequence_length, params.seed), params.validation.tokens)


def _train(run: Run, progress: Progress | None) -> None:
    try:
        train(run, progress)
    finally:
        if run.log is not None:
            run.log.close()


def _facts(model: BessemerForCausalLM, params: PretrainParams, stream: TokenStream) -> dict[str, Any]:
    """What the report says about the run, the same on every machine."""
    groups = {kind: sum(item.numel() for item in found.values()) for kind, found in parameter_groups(model).items()}
    flops = flops_per_token(model.config, params.sequence_length)
    return {
        "parameters": sum(groups.values()),
        "parameters_by_kind": groups,
        "train_tokens": stream.total_tokens,
        "epochs": params.total_tokens / stream.total_tokens,
        "flops_per_token_palm": flops.palm,
        "flops_per_token_causal": flops.causal,
    }


def _outcome(run: Run, model: BessemerForCausalLM, facts: dict[str, Any], resumed: int) -> dict[str, Any]:
    """Facts, and what was resolved and measured in this process."""
    topology, done = run.topology, run.params.steps - resumed
    seconds = run.seconds["step"]
    return {
        "facts": facts,
        "steps": run.params.steps,
        "tokens": run.params.total_tokens,
        "continued_from": run.continued_from,
        "precision": topology.precision,
        "skipped": run.guard.skipped,
        "validated": run.validation is not None,
        "volatile": {
            "strategy": topology.strategy,
            "processes": topology.world,
            "device": str(topology.device),
            "micro_batch": topology.micro_batch,
            "accumulation": topology.accumulation,
            "threads": torch.get_num_threads(),
            "attention": model.config._attn_implementation,
            "resumed_after_step": resumed,
            "seconds": {name: round(value, 2) for name, value in run.seconds.items()},
            "tokens_per_second": round(done * run.params.batch_tokens / seconds, 1) if seconds else None,
        },
    }
