"""``bessemer verify-resume``: the proof runs where torch may be imported, in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

from bessemer.errors import DataError
from flows.runner import hand_over

TOKENS = Path("data/tokens")


def verify_resume_command(root: Path, *, steps: int, kills: int) -> int:
    """Train the first steps twice, once with kills, compare to the bit, and print what was compared.

    Returns:
        0 if all is identical, 1 if not.

    Raises:
        DataError: there are no token shards.
    """
    train, validation = TOKENS / "train", TOKENS / "val"
    for folder in (train, validation):
        if not (root / folder).is_dir():
            raise DataError(f"{folder} is missing: there is nothing to train on; run `bessemer run shard` first.")
    command = [sys.executable, "-m", "bessemer.training.verify_resume"]
    command += ["--train", train.as_posix(), "--validation", validation.as_posix()]
    return hand_over([*command, "--steps", str(steps), "--kills", str(kills)], cwd=root)
