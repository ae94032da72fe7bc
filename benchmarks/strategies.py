"""Do all strategies train the same model? Losses of two processes beside those of one, resume, and the weights.

    python -m benchmarks.strategies [--steps 20] [--precision fp32] [--optimizer adamw] [--learning-rate 3e-4]
        [--muon-learning-rate 2e-3]

It trains on data/tokens, which `bessemer run shard` makes, with the model of params.yaml. All runs sum the same
micro-batches. `rounding` is a single process that takes them two at a time: the same mathematics in another order of
additions. Its row says how far rounding alone carries this run; at a learning rate at which training jumps, that is
far (Adam's first updates are signs, also of gradients that are nothing but rounding), whatever the strategy. The rates
used here are a tenth of params.yaml's, or less.
"""

import argparse
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from bessemer.config.distributed import DistributedRuntime
from bessemer.config.pretrain import PretrainParams
from bessemer.progress import progress
from bessemer.stage import load_sections
from bessemer.training.launch import launch
from bessemer.training.metrics import read_metrics
from bessemer.training.run import Places, pretrain
from bessemer.training.topology import launched

SPEC = "BESSEMER_STRATEGIES"
SINGLE = ("none", "rounding")
ALL = {
    "adamw": (*SINGLE, "ddp", "fsdp2", "zero1", "zero2", "zero3"),
    "muon": (*SINGLE, "ddp", "fsdp2"),
}


@dataclass(frozen=True)
class Outcome:
    """What a strategy did: loss of every step, of the steps after a resume at half time, and the trained weights."""

    strategy: str
    losses: list[float]
    resumed: list[float]
    weights: dict[str, torch.Tensor]
    seconds_per_step: float

    def loss_difference(self, other: "Outcome") -> tuple[float, float]:
        """Largest absolute and largest relative difference of two runs' losses."""
        pairs = list(zip(self.losses, other.losses, strict=True))
        return max(abs(a - b) for a, b in pairs), max(abs(a - b) / abs(b) for a, b in pairs)

    def resume_difference(self) -> float:
        """Largest absolute difference between the second half and the same steps after a resume."""
        return max(abs(a - b) for a, b in zip(self.losses[len(self.losses) // 2 :], self.resumed, strict=True))

    def weight_difference(self, other: "Outcome") -> float:
        """Largest absolute difference of any weight."""
        return max(float((self.weights[name] - other.weights[name]).abs().max()) for name in other.weights)


def run_strategy(places: Places, params: PretrainParams, strategy: str, processes: int, folder: Path) -> Outcome:
    """Train, then take away the last checkpoint and train the second half again from the one before."""
    scratch = folder / strategy
    sequences = params.batch_tokens // params.sequence_length
    runtime = DistributedRuntime.model_validate(
        {
            "strategy": "none" if strategy in SINGLE else strategy,
            "processes": 1 if strategy in SINGLE else processes,
            "micro_batch": sequences if strategy == "rounding" else sequences // processes,
            "checkpoint_steps": params.steps // 2,
            "threads": 1,
        }
    )
    moved = Places(places.train, places.validation, scratch, places.extensions)
    _launch(moved, params, runtime, scratch)
    losses = [row["loss"] for row in read_metrics(scratch)]
    weights = load_file(scratch / "weights.safetensors")
    phases = json.loads((scratch / "outcome.json").read_text())["volatile"]["seconds"]
    seconds = sum(phases.get(phase, 0.0) for phase in ("data", "forward", "backward", "optimizer")) / params.steps
    shutil.rmtree(scratch / f"step-{params.steps:07d}")
    _launch(moved, params, runtime, scratch)
    resumed = [row["loss"] for row in read_metrics(scratch) if row["step"] > params.steps // 2]
    return Outcome(strategy, losses, resumed, weights, seconds)


def _launch(places: Places, params: PretrainParams, runtime: DistributedRuntime, scratch: Path) -> None:
    scratch.mkdir(parents=True, exist_ok=True)
    spec = scratch / "spec.json"
    paths = [places.train, places.validation, places.scratch, places.extensions]
    spec.write_text(
        json.dumps(
            {
                "places": [str(path.resolve()) for path in paths],
                "params": params.model_dump(mode="json"),
                "runtime": runtime.model_dump(mode="json"),
            }
        )
    )
    os.environ[SPEC] = str(spec.resolve())
    assert isinstance(runtime.processes, int)
    launch("benchmarks.strategies", runtime.processes, root=Path(__file__).parent.parent, grace_s=10.0)


def train_as_rank() -> None:
    """Be one rank of :func:`run_strategy`; rank 0 leaves the weights beside the checkpoints."""
    spec = json.loads(Path(os.environ[SPEC]).read_text())
    places = Places(*(Path(path) for path in spec["places"]))
    params = PretrainParams.model_validate(spec["params"])
    trained = pretrain(places, params, DistributedRuntime.model_validate(spec["runtime"]), progress)
    if trained.topology.is_main:
        save_file(trained.weights, places.scratch / "weights.safetensors")


def table(outcomes: Sequence[Outcome]) -> str:
    """The comparison with the first outcome, as text."""
    lines = ["strategy  max |dloss|  max rel    resume |dloss|  max |dweight|  s/step"]
    for outcome in outcomes:
        absolute, relative = outcome.loss_difference(outcomes[0])
        lines.append(
            f"{outcome.strategy:8s}  {absolute:11.2e}  {relative:9.2e}  {outcome.resume_difference():14.2e}  "
            f"{outcome.weight_difference(outcomes[0]):13.2e}  {outcome.seconds_per_step:6.3f}"
        )
    return "\n".join(lines)


def main() -> None:
    """Run the strategies asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--optimizer", choices=tuple(ALL), default="adamw")
    parser.add_argument("--learning-rate", type=float, default=3e-4, help="of AdamW, for matrices and embedding alike")
    parser.add_argument("--muon-learning-rate", type=float, default=2e-3, help="of Muon, for matrices")
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    values = load_sections(Path(), {"pretrain": PretrainParams})["pretrain"].model_dump()
    tokens = asked.steps * values["batch_tokens"]
    values |= {"precision": asked.precision, "tokens": tokens}
    values["optimizer"] |= {"name": asked.optimizer}
    values["optimizer"]["adamw"] |= dict.fromkeys(("learning_rate", "embedding_learning_rate"), asked.learning_rate)
    values["optimizer"]["muon"] |= {"learning_rate": asked.muon_learning_rate}
    # The beginning of the run that params.yaml describes: its warm-up, and no decay yet.
    warmup = min(values["schedule"]["warmup_tokens"], tokens)
    values["schedule"] |= {"warmup_tokens": warmup, "decay_fraction": 0.0}
    params = PretrainParams.model_validate(values)
    with tempfile.TemporaryDirectory() as folder:
        places = Places(
            Path("data/tokens/train"),
            Path("data/tokens/val"),
            Path(folder),
            Path(".cache/torch_extensions"),
        )
        outcomes = [
            run_strategy(places, params, strategy, asked.processes, Path(folder)) for strategy in ALL[asked.optimizer]
        ]
    rates = f"AdamW at {asked.learning_rate:g}"
    if asked.optimizer == "muon":
        rates = f"Muon at {asked.muon_learning_rate:g} and {rates}"
    print(f"{asked.optimizer}, {asked.precision}, {asked.steps} steps, {rates}, {asked.processes} processes")
    print(table(outcomes))


if __name__ == "__main__":
    if launched():
        train_as_rank()
    else:
        main()
