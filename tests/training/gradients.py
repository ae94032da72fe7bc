"""Loss and gradients of one step, made by the engine of a run, for any cut of the same 32 samples.

``python -m tests.training.gradients`` is a rank of such a step; rank 0 writes what came out.
"""

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.distributed.tensor import DTensor

from bessemer.config.distributed import DistributedRuntime, Recomputation, Strategy
from bessemer.config.pretrain import PretrainParams
from bessemer.model.presets import build_model
from bessemer.model.recomputation import recompute
from bessemer.training.launch import launch
from bessemer.training.run import build_engine
from bessemer.training.samples import Inputs, Share
from bessemer.training.step import Engine
from bessemer.training.topology import start

SPEC = "BESSEMER_GRADIENTS"
ROOT = Path(__file__).resolve().parents[2]
SAMPLES, LENGTH, VOCABULARY = 32, 64, 512


@dataclass(frozen=True)
class Cut:
    """How the samples are divided: ``processes`` of them, ``micro_batch`` samples at a time, whatever shards them."""

    processes: int
    micro_batch: int
    strategy: Strategy
    ragged: bool
    wide: bool = False
    checkpointing: Recomputation = "none"


@dataclass(frozen=True)
class Outcome:
    """Loss in nats per counted token, and the gradient of every parameter, fp32 or fp64."""

    loss: float
    gradients: dict[str, Tensor]

    def distance(self, other: "Outcome") -> tuple[float, str]:
        """The largest ‖Δg‖ / ‖g‖ of any tensor, and whose it is; the loss counts as a tensor."""
        assert self.gradients.keys() == other.gradients.keys()
        pairs = {name: (tensor.double(), other.gradients[name].double()) for name, tensor in self.gradients.items()}
        distances = {name: float((one - two).norm() / two.norm()) for name, (one, two) in pairs.items()}
        distances["loss"] = abs(self.loss - other.loss) / abs(other.loss)
        worst = max(distances, key=lambda name: distances[name])
        return distances[worst], worst


def samples(ragged: bool) -> Inputs:
    """32 rows of packed documents; if ragged, of each row another number of targets counts, of one row none."""
    generator = torch.Generator().manual_seed(3)
    tokens = torch.randint(VOCABULARY, (SAMPLES, LENGTH + 1), generator=generator)
    documents = (torch.rand(SAMPLES, LENGTH, generator=generator) < 0.05).cumsum(dim=1, dtype=torch.int32)
    targets = tokens[:, 1:].clone()
    if ragged:
        counted = torch.randint(1, LENGTH + 1, (SAMPLES, 1), generator=generator)
        counted[SAMPLES // 2] = 0
        targets[torch.arange(LENGTH) >= counted] = -100
    return {"input_ids": tokens[:, :-1].contiguous(), "shift_labels": targets, "document_ids": documents}


def measure(cut: Cut, folder: Path) -> Outcome:
    """The step in this process, or in as many as the cut asks for."""
    if cut.strategy == "none":
        found = _step(cut, folder)
        assert found is not None
        return found
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cut.json").write_text(json.dumps(asdict(cut)))
    os.environ[SPEC] = str(folder)
    launch("tests.training.gradients", cut.processes, root=ROOT, grace_s=10.0)
    return Outcome(json.loads((folder / "loss.json").read_text()), load_file(folder / "gradients.safetensors"))


def _step(cut: Cut, folder: Path) -> Outcome | None:
    """Forward and backward of this rank's share; None unless it is the first."""
    params = PretrainParams.model_validate(
        {
            "model": {
                "hidden_size": 64,
                "intermediate_size": 160,
                "layers": 3,
                "heads": 4,
                "kv_heads": 2,
                "head_dim": 16,
                "context_length": LENGTH,
            },
            "batch_tokens": SAMPLES * LENGTH,
            "sequence_length": LENGTH,
            "optimizer": {"name": "adamw"},
            "precision": "fp32",
        }
    )
    runtime = DistributedRuntime.model_validate(
        {
            "strategy": cut.strategy,
            "processes": cut.processes,
            "micro_batch": cut.micro_batch,
            "threads": 1,
            "gradient_checkpointing": cut.checkpointing,
        }
    )
    topology = start(params, runtime, folder.parent / "extensions")
    model = build_model(params.model, VOCABULARY, seed=1)
    recompute(model, runtime.gradient_checkpointing)
    engine = build_engine(model.double() if cut.wide else model, params, runtime, topology)
    inputs = samples(cut.ragged)
    predicted = int((inputs["shift_labels"] != -100).sum())
    share = Share(SAMPLES, topology.world, topology.rank, topology.micro_batch)
    loss = 0.0
    for number, indices in enumerate(share.indices(0), start=1):
        part = {name: tensor[torch.from_numpy(indices)] for name, tensor in inputs.items()}
        loss += float(engine.accumulate(part, predicted, last=number == topology.accumulation))
    gradients = _gradients(engine)
    total = topology.sum([loss])[0]
    return Outcome(total, gradients) if topology.is_main else None


def _gradients(engine: Engine) -> dict[str, Tensor]:
    """Whole gradients by name; a collective where they are sharded."""
    if engine.kind == "zero":
        from deepspeed.utils import safe_get_full_grad

        return {name: safe_get_full_grad(item).clone() for name, item in engine.model.module.named_parameters()}
    plain = engine.model.module if hasattr(engine.model, "module") else engine.model
    found = {name: item.grad for name, item in plain.named_parameters()}
    return {name: item.full_tensor() if isinstance(item, DTensor) else item for name, item in found.items()}


if __name__ == "__main__":
    place = Path(os.environ[SPEC])
    outcome = _step(Cut(**json.loads((place / "cut.json").read_text())), place)
    if outcome is not None:
        save_file(outcome.gradients, place / "gradients.safetensors")
        (place / "loss.json").write_text(json.dumps(outcome.loss))
    sys.exit(0)
