"""The training loop: the same for every strategy, precision and number of processes.

Step *n* takes the samples ``n * batch`` to ``n * batch + batch - 1``, whoever computes them. The loss is the sum over
all of them divided by the number of predicted tokens.
"""

import math
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from bessemer.config.distributed import DistributedRuntime
from bessemer.config.pretrain import PretrainParams
from bessemer.errors import ConfigError, TryAgain
from bessemer.progress import Progress
from bessemer.tokens.loader import Reader
from bessemer.training.checkpoint import CheckpointStore
from bessemer.training.continuation import damaged, go_back, save, union
from bessemer.training.guard import Guard
from bessemer.training.interrupt import Interrupt, Stopped
from bessemer.training.logs import Phase
from bessemer.training.metrics import MetricsLog
from bessemer.training.samples import Share, Validation, collate
from bessemer.training.sampling import Prompts
from bessemer.training.schedule import learning_rate_factor
from bessemer.training.step import Engine
from bessemer.training.stopping import Stopping
from bessemer.training.topology import Topology
from bessemer.training.watchdog import Doing, Watchdog

_TIMED: dict[Doing, Phase] = {
    "start": "start",
    "compile": "start",
    "data": "data",
    "micro-batch": "forward",
    "exchange": "optimizer",
    "optimizer": "optimizer",
    "log": "other",
    "validation": "eval",
    "samples": "eval",
    "checkpoint": "checkpoint",
    "end": "other",
}
"""What the time of each doing is counted as; the engine tells forward and backward of a micro-batch apart."""


@dataclass
class Run:
    """Everything that a step needs. Only ``step``, ``guard`` and ``row`` change, and they are in every checkpoint.

    Attributes:
        until: step after which the run ends; before ``params.steps``, as if it had been asked to.
        saved: step of the newest checkpoint, -1 for none.
        row: the line of the last step while it waits for its validation, else None.
        continued_from: checkpoint of another run that this one started from: a break in lineage.
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
    stopping: Stopping
    watchdog: Watchdog
    kind: str
    until: int
    step: int = 0
    saved: int = -1
    row: dict[str, Any] | None = None
    continued_from: str = ""
    agreed: bool = False
    guard: Guard = field(default_factory=Guard)
    prompts: Prompts | None = None
    profiler: Any = None

    def enter(self, doing: Doing, step: int) -> None:
        """Say what begins, and in which step: to the watchdog, and to the clock."""
        self.watchdog.enter(doing, step)
        self.engine.phases.enter(_TIMED[doing])


def train(run: Run, progress: Progress | None) -> None:
    """Train to the last step, or to a signal.

    Raises:
        TryAgain: a signal asked for the end; a checkpoint was written.
        GateFailed: too many steps in a row were passed over, too often.
    """
    try:
        _train(run, progress)
    except Stopped:
        name = run.interrupt.name or "a signal to another process"
        if run.interrupt.at_once and run.topology.world > 1:
            raise TryAgain(f"stopped by {name} before a step was made; the same command starts again.") from None
        run.interrupt.at_once = False
        sound = _during(run, "checkpoint", save, run)
        kept = f"after step {run.step}" if sound else "while weights were not finite, which is not kept"
        raise TryAgain(f"stopped by {name} {kept}; the same command continues from there.") from None
    finally:
        run.enter("end", run.step)


def _train(run: Run, progress: Progress | None) -> None:
    params, topology = run.params, run.topology
    share = Share(params.batch_sequences, topology.world, topology.rank, topology.micro_batch)
    if progress is not None:
        progress.advance(run.step)
    _warm_up(run, share)
    while run.row is not None or run.step < run.until:
        before, stop = run.step, False
        note: str | None = None
        if run.row is None:
            stop, back = _step(run, share)
            if back:
                go_back(run, back, blame=not damaged(run))
        if run.row is not None:
            note = f"loss {run.row['loss']:.3f}"
            _close_step(run, stop)
        if run.step > before and (run.step % run.runtime.checkpoint_steps == 0 or run.step == run.until):
            _keep(run)
        if progress is not None:
            progress.advance(run.step - before, note)
        run.stopping.require(stop and run.step < run.until)
    if run.step < params.steps:
        raise TryAgain(f"stopped after step {run.step}, as asked; the same command continues from there.")


def _warm_up(run: Run, share: Share) -> None:
    """Compile before anything can be lost by stopping: what compiles cannot be asked between two micro-batches."""
    run.enter("compile", run.step)
    if run.step < run.until:
        indices = next(share.indices(run.guard.batch(run.step)))
        with run.engine.phases.hold():
            run.engine.warm_up(collate(run.train, indices, run.topology.device), run.params.batch_tokens)
    run.interrupt.at_once = False


def _step(run: Run, share: Share) -> tuple[bool, str]:
    """One optimizer step, whose line for the log becomes the run's: whether to stop, and why to go back, if so."""
    params, engine, topology = run.params, run.engine, run.topology
    batch, number = run.guard.batch(run.step), run.step + 1
    planned = params.steps * params.batch_sequences
    run.guard.enter(params.mixture.phase_of(batch * params.batch_sequences, planned))
    loss, stop = _gradients(run, share, batch)
    done = number * params.batch_tokens
    factor = learning_rate_factor(params.schedule, done, params.total_tokens)
    run.enter("optimizer", number)
    result = engine.step(factor, loss, run.guard.bounds(params.guard))
    if not run.agreed:
        _require_agreement(run, result.grad_norm)
    spoilt: list[str] = []
    if not result.applied:
        spoilt = damaged(run)
        result = replace(result, culprits=tuple(union(run, result.culprits)))
    samples = range(batch * params.batch_sequences, (batch + 1) * params.batch_sequences)
    run.step = number
    verdict = run.guard.watch(params.guard, number, samples, loss, result, spoilt)
    if verdict.sentence and topology.is_main:
        print(f"pretrain: {verdict.sentence}", flush=True)
    run.row = {
        "step": run.step,
        "tokens": done,
        "loss": loss,
        "learning_rate_factor": factor,
        "grad_norm": result.grad_norm,
        "applied": result.applied,
        "val_bits_per_byte": None,
    }
    return stop, verdict.sentence if verdict.back else ""


def _gradients(run: Run, share: Share, batch: int) -> tuple[float, bool]:
    """Gradients of a batch; its loss over all processes, and whether a signal has come to one of them.

    The loss of a micro-batch is read when the next one has been given to the device, which so never waits, and is never
    so far behind that a signal would have to wait for it.

    Raises:
        Stopped: a signal came while there were micro-batches left. What was computed of the step is dropped.
    """
    topology, engine, number = run.topology, run.engine, run.step + 1
    first = batch * run.params.batch_sequences
    predicted = run.train.predicted(first, first + run.params.batch_sequences)  # of all processes; padding has none
    local = 0.0
    behind: Tensor | float = 0.0
    ahead: Tensor | float = 0.0
    try:
        for count, indices in enumerate(share.indices(batch), start=1):
            if count > 1 or topology.world == 1:
                run.stopping.between()
            run.enter("data", number)
            inputs = collate(run.train, indices, topology.device)
            run.enter("micro-batch", number)
            behind, ahead = (
                ahead,
                engine.accumulate(inputs, predicted, last=count == topology.accumulation),
            )
            local += float(behind)
        local += float(ahead)
        run.enter("exchange", number)
        run.stopping.settle()
    except Stopped:
        engine.drop()
        raise
    total, stops = topology.sum([local, float(bool(run.interrupt))])
    return total, stops > 0


def _close_step(run: Run, stop: bool) -> None:
    """Validate after the step if it is time, and not time to ``stop``, and write its line.

    Raises:
        Stopped: a signal has come to a process; the line waits, in the checkpoint, for its validation.
    """
    row = run.row
    assert row is not None
    if run.validation is not None and (run.step % run.params.validation_steps == 0 or run.step == run.params.steps):
        run.stopping.require(stop)
        row["val_bits_per_byte"] = _during(run, "validation", validate, run)
    if run.params.sample_steps is not None and run.step % run.params.sample_steps == 0 and run.prompts is not None:
        run.stopping.require(stop)
        _during(run, "samples", write_samples, run)
    run.row = None
    run.enter("log", run.step)
    if run.log is not None:
        run.log.write(row)
    if run.profiler is not None:
        run.profiler.step()


def _keep(run: Run) -> None:
    """Save, or go back if there is nothing that may be kept.

    Raises:
        Stopped: a signal came meanwhile.
    """
    if not _during(run, "checkpoint", save, run):
        go_back(run, f"weights are not finite after step {run.step}", blame=False)
    elif run.step < run.until:
        run.stopping.now()


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
    """Bits per UTF-8 byte over the validation windows: sum of bits over sum of bytes, over all processes.

    Raises:
        Stopped: a signal has come to a process.
    """
    assert run.validation is not None
    topology = run.topology
    run.engine.model.eval()
    nats, covered = 0.0, 0.0
    share = Share(run.params.batch_sequences, topology.world, topology.rank, topology.micro_batch)
    for inputs, covers in run.validation.batches(share, topology.device):
        run.stopping.between()
        loss = float(run.engine.evaluate(inputs))
        nats += loss if covers else 0.0
        covered += covers
    run.engine.model.train()
    nats, total = topology.sum([nats, covered])
    return nats / math.log(2) / max(1.0, total)


def write_samples(run: Run) -> None:
    """Let the model continue the prompts; rank 0 writes the texts down."""
    assert run.prompts is not None
    run.engine.model.eval()

    def next_logits(tokens: Tensor) -> Tensor:
        run.stopping.between()
        return run.engine.next_logits(tokens)

    texts = run.prompts.write(next_logits, run.topology.device)
    run.engine.model.train()
    if run.log is not None:
        run.log.write_samples(run.step, texts)


def _during(run: Run, doing: Doing, function: Any, *arguments: Any) -> Any:
    run.enter(doing, run.step)
    result = function(*arguments)
    run.enter("log", run.step)
    return result
