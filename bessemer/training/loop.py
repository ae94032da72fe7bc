"""The training loop: the same for every strategy, precision and number of processes.

Step *n* takes the samples ``n * batch`` to ``n * batch + batch - 1``, whoever computes them. The loss is the sum over
all of them divided by the number of predicted tokens.
"""

import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bessemer.config.distributed import DistributedRuntime
from bessemer.config.pretrain import PretrainParams
from bessemer.errors import ConfigError, TryAgain
from bessemer.progress import Progress
from bessemer.tokens.loader import Reader
from bessemer.training.checkpoint import CheckpointStore, require_compatible, verify
from bessemer.training.guard import Guard
from bessemer.training.interrupt import Interrupt
from bessemer.training.metrics import MetricsLog
from bessemer.training.samples import Share, Validation, collate
from bessemer.training.schedule import learning_rate_factor
from bessemer.training.step import Engine
from bessemer.training.topology import Topology


@dataclass
class Run:
    """Everything that a step needs. Only ``step`` and ``guard`` change, and both are in every checkpoint.

    ``continued_from`` names the checkpoint of another run that this one started from: a break in lineage.
    """

    params: PretrainParams
    runtime: DistributedRuntime
    topology: Topology
    engine: Engine
    train: Reader
    validation: Validation | None
    store: CheckpointStore
    log: MetricsLog | None
    interrupt: Interrupt
    kind: str
    step: int = 0
    continued_from: str = ""
    agreed: bool = False
    guard: Guard = field(default_factory=Guard)
    seconds: dict[str, float] = field(default_factory=lambda: {"step": 0.0, "validation": 0.0, "checkpoint": 0.0})


def train(run: Run, progress: Progress | None) -> None:
    """Train to the last step, or to a signal.

    Raises:
        TryAgain: a signal asked for the end; a checkpoint was written.
        GateFailed: too many steps in a row were not finite.
    """
    params, topology = run.params, run.topology
    share = Share(params.batch_sequences, topology.world, topology.rank, topology.micro_batch)
    if progress is not None:
        progress.advance(run.step)
    while run.step < params.steps:
        started = time.perf_counter()
        row, stop = _step(run, share)
        took = time.perf_counter() - started
        run.seconds["step"] += took
        due = run.step % params.validation_steps == 0 or run.step == params.steps
        if due and run.validation is not None:
            row["val_bits_per_byte"] = _timed(run, "validation", validate, run)
        if run.log is not None:
            run.log.write(row, {"tokens_per_second": params.batch_tokens / took})
        if progress is not None:
            progress.advance(1, f"loss {row['loss']:.3f}")
        if stop or run.step % run.runtime.checkpoint_steps == 0 or run.step == params.steps:
            _timed(run, "checkpoint", save, run)
        if stop and run.step < params.steps:
            name = run.interrupt.name or "a signal to another process"
            raise TryAgain(f"stopped by {name} after step {run.step}; the same command continues from there.")


def _step(run: Run, share: Share) -> tuple[dict[str, Any], bool]:
    """One optimizer step: its line for the log, and whether any process was asked to stop."""
    params, engine, topology = run.params, run.engine, run.topology
    tokens = params.batch_tokens
    first = run.step * params.batch_sequences
    predicted = run.train.predicted(first, first + params.batch_sequences)  # of all processes; padding has no target
    local = 0.0
    for number, indices in enumerate(share.indices(run.step), start=1):
        inputs = collate(run.train, indices, topology.device)
        local += float(engine.accumulate(inputs, predicted, last=number == topology.accumulation))
    loss, stops = topology.sum([local, float(bool(run.interrupt))])
    done = (run.step + 1) * tokens
    factor = learning_rate_factor(params.schedule, done, params.total_tokens)
    result = engine.step(factor, loss)
    if not run.agreed:
        _require_agreement(run, result.grad_norm)
    samples = range(run.step * params.batch_sequences, (run.step + 1) * params.batch_sequences)
    run.step += 1
    said = run.guard.watch(params.guard, run.step, samples, loss, result)
    if said and topology.is_main:
        print(f"pretrain: {said}", flush=True)
    row = {
        "step": run.step,
        "tokens": done,
        "loss": loss,
        "learning_rate_factor": factor,
        "grad_norm": result.grad_norm,
        "applied": result.applied,
        "val_bits_per_byte": None,
    }
    return row, stops > 0


def _require_agreement(run: Run, norm: float) -> None:
    """Compare the first gradient of all processes: each read other samples, so it agrees only if it was exchanged.

    Raises:
        ConfigError: the processes train apart from each other, which some launchers and versions do in silence.
    """
    first = run.topology.sum([norm if run.topology.is_main else 0.0])[0]
    apart = not math.isclose(norm, first, rel_tol=1e-4) and math.isfinite(norm) and math.isfinite(first)
    if run.topology.sum([float(apart)])[0]:
        raise ConfigError(
            f"the {run.topology.world} processes have different gradients (norms {first:g} and {norm:g}): they do not "
            "exchange them; start them with torchrun or let the stage do it, with the versions of constraints.txt."
        )
    run.agreed = True


def validate(run: Run) -> float:
    """Bits per UTF-8 byte over the validation windows: sum of bits over sum of bytes, over all processes."""
    assert run.validation is not None
    topology = run.topology
    run.engine.model.eval()
    nats, covered = 0.0, 0.0
    share = Share(run.params.batch_sequences, topology.world, topology.rank, topology.micro_batch)
    for inputs, covers in run.validation.batches(share, topology.device):
        loss = float(run.engine.evaluate(inputs))
        nats += loss if covers else 0.0
        covered += covers
    run.engine.model.train()
    nats, total = topology.sum([nats, covered])
    return nats / math.log(2) / max(1.0, total)


def save(run: Run) -> None:
    """Write a checkpoint of the present step and commit it."""
    topology, store = run.topology, run.store
    if topology.is_main:
        if run.log is not None:
            run.log.sync()
        store.prepare(run.step)
    topology.barrier()
    run.engine.save(store.saving(run.step))
    topology.barrier()
    if topology.is_main:
        store.commit(run.step, kind=run.kind, world=topology.world, state=_state(run))
    topology.barrier()


def resume(run: Run, source: Path | None) -> int:
    """Continue from the newest healthy checkpoint of this run, else from the checkpoint ``source`` of another.

    Every process calls it; rank 0 decides which one is read.

    Returns:
        The step that was continued after, 0 for a new run.

    Raises:
        ConfigError: ``source`` cannot be read by this run, or has no step left to make.
    """
    topology, store = run.topology, run.store
    found = store.newest(lambda sentence: print(f"pretrain: {sentence}", flush=True)) if topology.is_main else None
    step = topology.broadcast(found[1].step if found else -1)
    path = store.directory / f"step-{step:07d}" if step >= 0 else source
    if path is None:
        return 0
    manifest = verify(path)
    require_compatible(path, manifest, run.kind, topology.world)
    if step < 0 and manifest.step >= run.params.steps:
        raise ConfigError(
            f"runtime.resume_from: {path} is after step {manifest.step} and this run has {run.params.steps} steps: "
            "nothing is left to train; choose an earlier checkpoint or raise pretrain.tokens."
        )
    run.engine.load(path)
    run.step = manifest.step
    run.guard = Guard.model_validate(manifest.state["guard"])
    run.continued_from = manifest.state["continued_from"] if step >= 0 else f"{path.parent.name}/{path.name}"
    return run.step


def _state(run: Run) -> dict[str, Any]:
    return {"guard": run.guard.model_dump(), "continued_from": run.continued_from}


def _timed(run: Run, kind: str, function: Any, *arguments: Any) -> Any:
    started = time.perf_counter()
    result = function(*arguments)
    run.seconds[kind] += time.perf_counter() - started
    return result
