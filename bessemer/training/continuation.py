"""How a run is left and taken up again: saving, resuming, and going back to before trouble."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bessemer.errors import ConfigError, GateFailed
from bessemer.training.checkpoint import CheckpointManifest, require_compatible, verify
from bessemer.training.guard import Guard

if TYPE_CHECKING:
    from bessemer.training.loop import Run


def save(run: Run) -> bool:
    """Write a checkpoint of the present step and commit it, unless weights are not finite or it is there already.

    Returns:
        Whether the weights are finite, in every process.
    """
    topology, store = run.topology, run.store
    if run.saved == run.step:
        return True
    if damaged(run):
        return False
    if topology.is_main:
        if run.log is not None:
            run.log.sync()
        store.prepare(run.step)
    topology.barrier()
    run.engine.save(store.saving(run.step))
    topology.barrier()
    if topology.is_main:
        trouble = bool(run.guard.in_a_row)
        store.commit(run.step, kind=run.kind, world=topology.world, state=_state(run), trouble=trouble)
    topology.barrier()
    run.saved = run.step
    return True


def damaged(run: Run) -> list[str]:
    """Weights that are not finite in any process, by name; the same list in every process."""
    return union(run, run.engine.damaged())


def union(run: Run, names: tuple[str, ...]) -> list[str]:
    """Names that any process gives, each of which may know of its own shards only."""
    if run.topology.world == 1:
        return list(names)
    return sorted(set(run.topology.gather(names)))


def resume(run: Run, source: Path | None) -> int:
    """Continue from the newest healthy checkpoint of this run, else from the checkpoint ``source`` of another.

    Every process calls it; rank 0 decides which one is read.

    Returns:
        The step that was continued after, 0 for a new run.

    Raises:
        ConfigError: ``source`` cannot be read by this run, or has no step left to make.
    """
    topology, store = run.topology, run.store
    found = store.newest(_say) if topology.is_main else None
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
    _require_same_batches(path, manifest, run)
    run.engine.load(path)
    run.step = manifest.step
    if step >= 0:
        run.guard = _guard_of(manifest)
        run.saved = run.step
        run.row = manifest.state["row"]
        run.continued_from = manifest.state["continued_from"]
    else:
        run.continued_from = f"{path.parent.name}/{path.name}"
    return run.step


def go_back(run: Run, why: str, *, blame: bool) -> None:
    """Go on from the newest checkpoint before the trouble.

    Args:
        run: at the step whose trouble was too much.
        why: what happened, a sentence without its end.
        blame: leave out the batches of the trouble. Weights that are damaged are no batch's fault.

    Raises:
        GateFailed: there is no such checkpoint, or the run has gone back too often.
    """
    topology, store, at = run.topology, run.store, run.step
    found = store.newest(_say, lambda manifest: not _guard_of(manifest).in_a_row) if topology.is_main else None
    step = topology.broadcast(found[1].step if found else -1)
    if step < 0:
        raise GateFailed(
            f"{why}; that is number {run.guard.in_a_row} in a row and there is no checkpoint to go back to. Lower the "
            "learning rates or lengthen pretrain.schedule.warmup_tokens, or set pretrain.precision to fp32; to have "
            "checkpoints earlier lower distributed.checkpoint_steps."
        )
    path = store.directory / f"step-{step:07d}"
    manifest = verify(path)
    before = _guard_of(manifest)
    batch = run.params.batch_sequences
    run.guard = run.guard.gone_back(before, run.params.guard, at=at, to=step, batch=batch, blame=blame)
    run.engine.load(path)
    run.step, run.saved, run.row = step, step, manifest.state["row"]
    if topology.is_main:
        store.forget_after(step)
        left_out = run.guard.rollbacks[-1]
        samples = f" without samples {left_out['first_sample']} to {left_out['last_sample']}" if blame else ""
        _say(f"{why}: the run goes back from step {at} to step {step}, and on from there{samples}")
        if run.log is not None:
            run.log.go_back(run.step - (run.row is not None))
    topology.barrier()


def _guard_of(manifest: CheckpointManifest) -> Guard:
    return Guard.model_validate(manifest.state["guard"])


def _state(run: Run) -> dict[str, Any]:
    return {
        "guard": run.guard.model_dump(),
        "continued_from": run.continued_from,
        "row": run.row,
        "counted_in": _counted_in(run),
    }


def _counted_in(run: Run) -> dict[str, Any]:
    """What a step is counted in, and what its weights are moved by: another run can go on from it in the same only."""
    params = run.params
    return {
        "batch_tokens": params.batch_tokens,
        "sequence_length": params.sequence_length,
        "optimizer.name": params.optimizer.name,
        "precision": run.topology.precision,
    }


def _require_same_batches(path: Path, manifest: CheckpointManifest, run: Run) -> None:
    """Refuse a checkpoint whose steps are not this run's.

    Raises:
        ConfigError: its batches, its optimizer or its precision are others.
    """
    stated, wanted = manifest.state["counted_in"], _counted_in(run)
    for name, value in wanted.items():
        if stated[name] != value:
            raise ConfigError(
                f"{path} was written with pretrain.{name} {stated[name]}, this run has {value}: its steps would mean "
                "other samples or another state; set it back, or start a run of its own without runtime.resume_from."
            )


def _say(sentence: str) -> None:
    print(f"pretrain: {sentence}", flush=True)
