"""A run in a folder of its own, up to a step: one of the runs that :mod:`bessemer.training.verify_resume` compares.

    python -m bessemer.training.trial SPEC

Beside the checkpoints and the metrics it leaves, for every rank, the samples that were read: number and digest of the
tokens, in order.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import xxhash
from pydantic import BaseModel

from bessemer.config.distributed import DistributedRuntime
from bessemer.config.pretrain import PretrainParams
from bessemer.errors import BessemerError, TryAgain
from bessemer.progress import progress
from bessemer.stage import RANK_ENVIRONMENT
from bessemer.tokens.loader import Reader
from bessemer.training import loop
from bessemer.training.run import Places, pretrain


class Spec(BaseModel):
    """What a trial trains, and how far; from sample ``hold`` on it waits to be killed."""

    train: Path
    validation: Path
    scratch: Path
    extensions: Path
    params: PretrainParams
    runtime: DistributedRuntime
    until: int
    hold: int | None = None

    @property
    def file(self) -> Path:
        """Where a trial reads it."""
        return self.scratch.with_name(f"{self.scratch.name}.json")

    def write(self) -> None:
        """Write it there."""
        self.scratch.mkdir(parents=True, exist_ok=True)
        self.file.write_text(self.model_dump_json(), encoding="utf-8")


def samples_file(scratch: Path, rank: int) -> Path:
    """Where rank ``rank`` writes what it has read."""
    return scratch / f"samples-{rank}.jsonl"


def read_samples(scratch: Path, rank: int) -> dict[int, str]:
    """Number and digest of what a rank has read, in the order of first reading; a line half written is left out."""
    found: dict[int, str] = {}
    for line in samples_file(scratch, rank).read_text(encoding="utf-8").splitlines():
        try:
            index, digest = json.loads(line)
        except ValueError:
            continue
        found[index] = digest
    return found


def main() -> int:
    """Train as the specification says; 0 when its last step is reached."""
    spec = Spec.model_validate_json(Path(sys.argv[1]).read_bytes())
    _witness(samples_file(spec.scratch, int(os.environ.get(RANK_ENVIRONMENT, "0"))), spec.hold)
    places = Places(spec.train, spec.validation, spec.scratch, spec.extensions)
    try:
        pretrain(places, spec.params, spec.runtime, progress, until=spec.until)
    except TryAgain as error:
        if f"after step {spec.until}, as asked" not in str(error):
            print(f"bessemer: {error}", file=sys.stderr)
            return error.exit_code
    except BessemerError as error:
        print(f"bessemer: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _witness(path: Path, hold: int | None) -> None:
    """Have every sample written down that the loop puts into a batch, up to the first to wait at."""
    collate, file, parent = loop.collate, path.open("a", encoding="utf-8"), os.getppid()
    file.write("\n")  # ends the line that a killed process may have left half

    def noting(reader: Reader, indices: Any, device: Any) -> Any:
        while hold is not None and indices[0] >= hold:
            if os.getppid() != parent:
                sys.exit("whoever was to kill this process is gone")
            time.sleep(0.2)
        batch = collate(reader, indices, device)
        tokens = batch["input_ids"].cpu().numpy()
        for index, row in zip(indices.tolist(), tokens, strict=True):
            file.write(json.dumps([index, xxhash.xxh3_64_hexdigest(row.tobytes())]) + "\n")
        file.flush()
        return batch

    loop.collate = noting


if __name__ == "__main__":
    sys.exit(main())
