"""Is a run that is killed the run that is not? The proof on a user's own configuration, by ``bessemer verify-resume``.

    python -m bessemer.training.verify_resume --train data/tokens/train --validation data/tokens/val

The first steps of the run that params.yaml and runtime.yaml describe are trained twice in folders of their own:
straight through, and with a SIGKILL to every process in the middle of a step some time after each checkpoint. Then
everything that the two hold is compared to the bit.
"""

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bessemer.config.distributed import DistributedRuntime
from bessemer.config.pretrain import PretrainParams
from bessemer.config.runtime import load_runtime
from bessemer.errors import BessemerError, ConfigError, DataError
from bessemer.stage import load_sections
from bessemer.training.checkpoint import CheckpointStore
from bessemer.training.contents import contents, differences
from bessemer.training.launch import run_and_kill
from bessemer.training.metrics import read_metrics
from bessemer.training.topology import planned_processes, planned_strategy, refuse_impossible
from bessemer.training.trial import Spec, read_samples


@dataclass(frozen=True)
class Comparison:
    """One kind of thing that was compared: how many of it, and the names of those that differ."""

    what: str
    compared: int
    different: list[str]


def prove(spec: Spec, *, kills: int, root: Path, timeout_s: float) -> list[Comparison]:
    """Train straight through and with ``kills`` kills, and compare.

    Args:
        spec: what to train; its scratch folder takes both runs.
        kills: times that all processes get SIGKILL, evenly over the steps.
        root: folder in which processes are started.
        timeout_s: limit of each process.

    Raises:
        BessemerError: a process ended otherwise than it should.
    """
    processes = planned_processes(spec.runtime)
    ranks = processes if planned_strategy(spec.runtime, processes) != "none" else 0
    apart = spec.until // (kills + 1)
    quiet = {"trackers": [], "profile_steps": 0}
    runtime = spec.runtime.model_copy(update={"checkpoint_steps": apart, "checkpoints_kept": kills + 2, **quiet})
    straight = spec.model_copy(update={"scratch": spec.scratch / "straight", "runtime": runtime})
    killed = spec.model_copy(update={"scratch": spec.scratch / "killed", "runtime": runtime})
    straight.write()
    _expect(_run(straight, ranks, root, timeout_s, never), [0] * processes)
    for kept in range(apart, (kills + 1) * apart, apart)[:kills]:
        killed.model_copy(update={"hold": (kept + 1) * spec.params.batch_sequences}).write()
        codes = _run(killed, ranks, root, timeout_s, _Reached(killed.scratch, kept))
        _expect(codes, [-signal.SIGKILL] * processes)
        print(f"killed in step {kept + 2}, the newest checkpoint is of step {kept}", flush=True)
    killed.write()
    _expect(_run(killed, ranks, root, timeout_s, never), [0] * processes)
    return compare(straight.scratch, killed.scratch, spec.until, processes)


def compare(straight: Path, killed: Path, step: int, processes: int) -> list[Comparison]:
    """What two runs read, logged and hold after ``step``, kind by kind."""
    read = [(read_samples(straight, rank), read_samples(killed, rank)) for rank in range(processes)]
    wrong = [f"rank {rank}" for rank, (one, other) in enumerate(read) if list(one.items()) != list(other.items())]
    logged = [{row["step"]: json.dumps(row) for row in read_metrics(scratch)} for scratch in (straight, killed)]
    rows = differences(*({str(number): row for number, row in rows.items()} for rows in logged))
    name = f"step-{step:07d}"
    held = [contents(scratch / name) for scratch in (straight, killed)]
    different = differences(*held)
    found = [
        Comparison("samples read (number and tokens, in order)", sum(len(one) for one, _ in read), wrong),
        Comparison("logged steps (loss, gradient norm, validation)", len(logged[0]), rows),
    ]
    for kind in ("model", "optimizer", "state"):
        names = [item for item in held[0] if kind_of(item) == kind]
        found.append(Comparison(_WORDS[kind], len(names), [item for item in different if kind_of(item) == kind]))
    return found


_WORDS = {
    "model": "weights (tensors)",
    "optimizer": "optimizer (tensors and numbers)",
    "state": "random state, guard, position",
}


def kind_of(name: str) -> str:
    """Which of the three kinds a part of a checkpoint belongs to, by its name."""
    if name.startswith("model.") or "model_states.pt.module" in name:
        return "model"
    return "optimizer" if name.startswith("optimizer.") or "optim_states.pt" in name else "state"


def never() -> bool:
    """A run that is not killed."""
    return False


class _Reached:
    """Whether a checkpoint is there and the step after it is logged: asked, it says when to kill."""

    def __init__(self, scratch: Path, step: int) -> None:
        self._scratch, self._step = scratch, step

    def __call__(self) -> bool:
        if self._step not in CheckpointStore(self._scratch, 1).steps():
            return False
        return any(row["step"] > self._step for row in read_metrics(self._scratch))


def _run(trial: Spec, ranks: int, root: Path, timeout_s: float, when: Any) -> list[int]:
    command = ["bessemer.training.trial", str(trial.file)]
    return run_and_kill(command, ranks, root=root, when=when, timeout_s=timeout_s)


def _expect(codes: Sequence[int], wanted: Sequence[int]) -> None:
    if list(codes) == list(wanted):
        return
    kinds = {kind.exit_code: kind for kind in (ConfigError, DataError)}
    bad = next((code for code in codes if code not in (0, -signal.SIGKILL)), 1)
    raise kinds.get(bad, BessemerError)(
        f"a process of the trial ended with {bad} and should have ended with {wanted[0]}; its reason is above."
    )


def table(comparisons: Sequence[Comparison]) -> str:
    """The comparisons as text."""
    lines = [f"{'compared':<50} {'number':>8}  result"]
    for item in comparisons:
        result = "bit-identical" if not item.different else f"{len(item.different)} differ: {item.different[0]} ..."
        lines.append(f"{item.what:<50} {item.compared:>8,}  {result}")
    return "\n".join(lines)


def main() -> int:
    """Prove it on the checkout that this is run in: 0 if all is identical, 1 if not, else as bessemer.errors says."""
    parser = argparse.ArgumentParser(prog="python -m bessemer.training.verify_resume")
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--validation", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--timeout-s", type=float, default=1800.0)
    asked = parser.parse_args()
    try:
        return _prove_here(asked)
    except BessemerError as error:
        print(f"bessemer: verify-resume: {error}", file=sys.stderr)
        return error.exit_code


def _prove_here(asked: argparse.Namespace) -> int:
    root, runtime = Path.cwd(), load_runtime()
    params: PretrainParams = load_sections(root, {"pretrain": PretrainParams})["pretrain"]
    steps = min(asked.steps, params.steps)
    if asked.kills < 1 or steps < 2 * (asked.kills + 1):
        raise ConfigError(
            f"{steps} steps are too few for {asked.kills} kills: a whole step, and one to be killed in, have to follow "
            "each checkpoint; use --steps and --kills so that the steps are at least twice one more than the kills."
        )
    distributed: DistributedRuntime = runtime.distributed
    processes = planned_processes(distributed)
    strategy = planned_strategy(distributed, processes)
    refuse_impossible(params, strategy)
    scratch = Path(tempfile.mkdtemp(prefix="verify-resume-", dir=_folder(root / runtime.cache_dir)))
    spec = Spec(
        train=root / asked.train,
        validation=root / asked.validation,
        scratch=scratch,
        extensions=root / runtime.cache_dir / "torch_extensions",
        params=params,
        runtime=distributed,
        until=steps,
    )
    started = time.monotonic()
    try:
        found = prove(spec, kills=asked.kills, root=root, timeout_s=asked.timeout_s)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print(
        f"{steps} steps straight through against the same with {asked.kills} times SIGKILL: strategy {strategy}, "
        f"{processes} process{'es' if processes > 1 else ''}, {time.monotonic() - started:.0f} s"
    )
    print(table(found))
    return 1 if any(item.different for item in found) else 0


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


if __name__ == "__main__":
    sys.exit(main())
