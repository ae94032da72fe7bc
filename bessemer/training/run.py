"""One training run from its inputs to weights: everything is put together here, and nothing is decided."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from bessemer.config.distributed import DistributedRuntime
from bessemer.config.pretrain import PretrainParams
from bessemer.errors import TryAgain
from bessemer.model.attention import choose_backend
from bessemer.model.modeling import BessemerForCausalLM
from bessemer.model.presets import build_model, flops_per_token
from bessemer.model.recomputation import recompute
from bessemer.progress import Progress
from bessemer.shards import write_json
from bessemer.tokens.arrange import arrange
from bessemer.tokens.loader import TokenStream, Windows
from bessemer.training.checkpoint import CheckpointStore, sole_trainer
from bessemer.training.compilation import CompileChoice, choose_compile
from bessemer.training.continuation import resume
from bessemer.training.interrupt import Interrupt, Stopped, interruptible
from bessemer.training.logs import OUTCOME, TRAINING
from bessemer.training.loop import Run, train
from bessemer.training.optimizer import parameter_groups
from bessemer.training.preflight import require_disk, state_size
from bessemer.training.profile import profiler
from bessemer.training.run_log import open_log
from bessemer.training.sample_tables import sample_facts
from bessemer.training.samples import Validation
from bessemer.training.sampling import Prompts
from bessemer.training.step import DTYPES, Engine
from bessemer.training.stopping import Stopping
from bessemer.training.topology import Topology, least, start
from bessemer.training.watchdog import Watchdog, watching

Bar = Callable[[str, int, str], AbstractContextManager[Progress]]


@dataclass(frozen=True)
class Places:
    """Folders of a run: token shards, where its checkpoints live, where compiled parts are kept, the tokenizer."""

    train: Path
    validation: Path
    scratch: Path
    extensions: Path
    tokenizer: Path | None = None
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


def pretrain(
    places: Places,
    params: PretrainParams,
    runtime: DistributedRuntime,
    bar: Bar,
    *,
    grace_s: float | None = None,
    until: int | None = None,
) -> Trained:
    """Train, or continue training, and leave metrics, checkpoints and ``outcome.json`` in the scratch folder.

    Args:
        places: folders.
        params: what the result depends on.
        runtime: how it is executed.
        bar: makes a progress bar from label, total and unit.
        grace_s: seconds after a signal in which the process has ended; None: whenever it is done.
        until: step after which to end as if asked to; None: the last one.

    Raises:
        ConfigError: the settings or inputs do not fit together.
        DataError: inputs are damaged, or the disk is too small.
        GateFailed: too many steps in a row were passed over, too often.
        TryAgain: a signal asked for the end after a checkpoint, or another process trains in the same folder.
    """
    topology = start(params, runtime, places.extensions)
    with _hold(places.scratch, topology), interruptible() as interrupt:
        watchdog = Watchdog(
            interrupt,
            rank=topology.rank,
            stall_s=runtime.stall_s,
            end_stalled=runtime.stall_action == "end",
            grace_s=grace_s,
        )
        with watching(watchdog):
            try:
                interrupt.at_once = True
                return _trained(places, params, runtime, bar, topology, interrupt, watchdog, until)
            except Stopped:
                raise TryAgain(f"stopped by {interrupt.name} before a step was made; run it again.") from None
            finally:
                interrupt.at_once = False


def _trained(
    places: Places,
    params: PretrainParams,
    runtime: DistributedRuntime,
    bar: Bar,
    topology: Topology,
    interrupt: Interrupt,
    watchdog: Watchdog,
    until: int | None,
) -> Trained:
    torch.manual_seed(params.seed)  # nothing draws from it, and what might is then the same in every run
    stream = TokenStream(places.train)
    model = _model(params, runtime, topology, stream)
    facts = _facts(model, params, stream)
    operations = facts["flops_per_token_causal"] * params.total_tokens / topology.world
    compiling = choose_compile(runtime, topology.device, topology.strategy, operations)
    if least(int(compiling.compile), topology.device) < compiling.compile:  # all of them warm up, or none
        compiling = CompileChoice(False, "another process is not compiled")
    runtime = runtime.model_copy(update={"compile": compiling.compile})
    if topology.is_main:
        _announce(params, compiling)
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
        stopping=Stopping(interrupt, topology.world),
        watchdog=watchdog,
        kind=topology.strategy if topology.strategy.startswith("zero") else "torch",
        until=params.steps if until is None else min(until, params.steps),
        prompts=_prompts(places.tokenizer, params, stream),
    )
    resumed = resume(run, places.resume_from)
    if topology.is_main:
        run.log = open_log(run, facts, _resolved(run, model, resumed))
        with bar("pretrain", params.steps, "steps") as progress, _profiled(run, places.scratch):
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


def _announce(params: PretrainParams, compiling: CompileChoice) -> None:
    """Say what was derived and resolved, and why."""
    for key, found in params.derived.items():
        print(f"pretrain: {key} {found.value:,.7g} = {found.because}", flush=True)
    print(f"pretrain: compile {'yes' if compiling.compile else 'no'}: {compiling.reason}", flush=True)


def _hold(scratch: Path, topology: Topology) -> AbstractContextManager[None]:
    return sole_trainer(scratch) if topology.is_main else nullcontext()


def _model(
    params: PretrainParams, runtime: DistributedRuntime, topology: Topology, stream: TokenStream
) -> BessemerForCausalLM:
    dtype = DTYPES[topology.precision]
    choice = choose_backend(runtime.attention, topology.device, dtype)
    if topology.is_main:
        print(f"pretrain: attention {choice.backend}: {choice.reason}", flush=True)
    model = build_model(
        params.model, stream.vocab_size, seed=params.seed, attention=choice.backend, eos_token_id=stream.eos_id
    )
    recompute(model, runtime.gradient_checkpointing)
    model.lm_head.z_loss = params.z_loss
    model.train()
    return model


def _validation(directory: Path, params: PretrainParams) -> Validation | None:
    """None if the validation documents do not fill one window."""
    stream = TokenStream(directory)
    if stream.total_tokens <= params.sequence_length:
        return None
    return Validation.of(Windows(stream, params.sequence_length, params.seed), params.validation.tokens)


def _prompts(tokenizer: Path | None, params: PretrainParams, stream: TokenStream) -> Prompts | None:
    if params.sample_steps is None or tokenizer is None:
        return None
    context = params.model.shape.context_length
    return Prompts(tokenizer, params.samples, start=stream.eos_id, end=stream.eos_id, context=context, seed=params.seed)


def _profiled(run: Run, scratch: Path) -> AbstractContextManager[Any]:
    if run.runtime.profile_steps == 0:
        return nullcontext()
    run.profiler = profiler(scratch, run.runtime.profile_steps, run.topology.rank)
    return cast(AbstractContextManager[Any], run.profiler)


def _train(run: Run, progress: Progress | None) -> None:
    how = "done"
    try:
        train(run, progress)
    except BaseException as error:
        how = str(error) or type(error).__name__
        raise
    finally:
        if run.log is not None:
            run.log.close(how)


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
    done, seconds = run.params.steps - resumed, run.engine.phases.seconds()
    training = sum(seconds[phase] for phase in TRAINING)
    return {
        "facts": facts,
        "steps": run.params.steps,
        "tokens": run.params.total_tokens,
        "continued_from": run.continued_from,
        "precision": run.topology.precision,
        "skipped": run.guard.skipped,
        "rollbacks": run.guard.rollbacks,
        "validated": run.validation is not None,
        "volatile": _resolved(run, model, resumed)
        | {
            "seconds": {phase: round(value, 2) for phase, value in seconds.items()},
            "tokens_per_second": round(done * run.params.batch_tokens / training, 1) if training else None,
        },
    }


def _resolved(run: Run, model: BessemerForCausalLM, resumed: int) -> dict[str, Any]:
    """How this attempt is executed."""
    topology = run.topology
    return {
        "strategy": topology.strategy,
        "processes": topology.world,
        "device": str(topology.device),
        "micro_batch": topology.micro_batch,
        "accumulation": topology.accumulation,
        "threads": torch.get_num_threads(),
        "attention": model.config._attn_implementation,
        "compiled": run.runtime.compile,
        "resumed_after_step": resumed,
    }
