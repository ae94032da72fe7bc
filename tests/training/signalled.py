"""A trial whose rank 1 gets SIGTERM in the middle of a step: ``python -m tests.training.signalled SPEC``."""

import os
import signal
import sys
from typing import Any

from bessemer.training import loop, trial

SAMPLE = 6 * 8 + 4
"""The first sample that rank 1 of two reads in step 7."""


def main() -> int:
    """Train; once, where the sample is read, the signal comes."""
    collate = loop.collate

    def signalling(windows: Any, indices: Any, device: Any) -> Any:
        if SAMPLE in indices.tolist():
            os.kill(os.getpid(), signal.SIGTERM)
        return collate(windows, indices, device)

    loop.collate = signalling
    return trial.main()


if __name__ == "__main__":
    sys.exit(main())
