"""runtime.yaml as one object: how the same result is computed. Nothing here may change a byte of it."""

import os
from pathlib import Path
from typing import Literal

from pydantic import Field

from bessemer.config.base import Strict
from bessemer.config.distributed import DistributedRuntime


class Runtime(Strict):
    """Execution settings; a field left at ``auto`` is resolved on the machine and recorded with the run."""

    workers: int | Literal["auto"] = Field("auto", description="processes of a data stage; auto: the cores this process may use")
    parallel_stages: int = Field(1, ge=1, description="independent stages that may run side by side")
    cache_dir: Path = Field(Path(".cache/bessemer"), description="folder of the shard cache; may be shared by checkouts")
    cache_max_gb: float = Field(20.0, gt=0, description="size of the shard cache in GB; the least recently used leaves first")
    log_level: Literal["debug", "info", "warning"] = Field("info", description="least severe message that is printed")
    deadlines_s: dict[str, float] = Field(default_factory=dict, description="stage name: seconds after which it is ended")
    grace_s: float = Field(25.0, gt=0, description="seconds between asking a stage to stop and ending it")
    resume_from: Path | None = Field(None, description="checkpoint folder to continue from across a code or schedule change")
    distributed: DistributedRuntime = Field(default_factory=DistributedRuntime, description="processes and strategy of pretraining")

    @property
    def resolved_workers(self) -> int:
        """Number of worker processes of a data stage."""
        if self.workers == "auto":
            return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
        return max(1, self.workers)
