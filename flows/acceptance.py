"""Accept a cosmetic change on record: the stage is taken as up to date without a run, and who said so is kept."""

from __future__ import annotations

import getpass
import json
import time
from pathlib import Path

from rich.console import Console

from bessemer.errors import ConfigError
from flows.graph import accept
from flows.runs import RUNS, checkout_lock, git_state

RECORD = "accepted.jsonl"


def accept_command(root: Path, stage: str, why: str, console: Console) -> int:
    """``bessemer accept``; appends to ``.runs/accepted.jsonl``.

    Raises:
        ConfigError: there is no such stage, no reason was given, or nothing was to accept.
        TryAgain: a run of this checkout is going on.
    """
    if not why.strip():
        raise ConfigError("accept needs a reason: --why 'renamed a local variable'.")
    with checkout_lock(root):
        changes = accept(stage, root)
        if not changes:
            raise ConfigError(f"{stage} is up to date; there is nothing to accept.")
        entry = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "who": getpass.getuser(),
            "commit": git_state(root)[0],
            "stage": stage,
            "why": why.strip(),
            "changes": [str(change) for change in changes],
        }
        path = root / RUNS / RECORD
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")
    for change in changes:
        console.print(f"accepted  {change}", markup=False, soft_wrap=True)
    console.print(f"on record in {path}", markup=False, soft_wrap=True)
    return 0
