"""A trace and a table of our training steps, by the switch that a run has: python -m benchmarks.gpu.profile_steps."""

import argparse
import os
import tempfile
from pathlib import Path

from benchmarks.sample_tokens import write_sample_tokens
from benchmarks.train import parameters_of
from bessemer.config.distributed import DistributedRuntime
from bessemer.config.pretrain import PretrainParams
from bessemer.progress import progress
from bessemer.training.profile import FOLDER
from bessemer.training.run import Places, pretrain

_STEPS = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    on_gpu = arguments.device == "cuda"
    if not on_gpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # a run takes a GPU where there is one
    values = parameters_of("124m" if on_gpu else "tiny", "bf16" if on_gpu else "fp32")
    params = PretrainParams.model_validate(values | {"tokens": _STEPS * values["batch_tokens"]})
    runtime = DistributedRuntime.model_validate({"profile_steps": 3, "compile": on_gpu})
    with tempfile.TemporaryDirectory(prefix="bessemer-") as folder:
        root = Path(folder)
        write_sample_tokens(root, 8192, every=4)
        pretrain(Places(root / "train", root / "val", root / "run", root / "extensions"), params, runtime, progress)
        target = arguments.out / FOLDER
        target.mkdir(parents=True, exist_ok=True)
        for path in (root / "run" / FOLDER).iterdir():
            (target / path.name).write_bytes(path.read_bytes())
            print(f"Written: {target / path.name}")


if __name__ == "__main__":
    main()
