"""runtime.yaml as one object: how the same result is computed. Nothing here may change a byte of it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from bessemer.config.base import Strict
from bessemer.config.distributed import DistributedRuntime
from bessemer.config.energy import EnergyRuntime
from bessemer.config.read import parse, read_yaml

RUNTIME = "runtime.yaml"
RUNTIME_LOCAL = "runtime.local.yaml"
WORKERS_ENVIRONMENT = "BESSEMER_WORKERS"
"""A stage's share of ``workers``, set by what runs several stages side by side."""


class Runtime(Strict):
    """Execution settings; a field left at ``auto`` is resolved on the machine and recorded with the run."""

    workers: int | Literal["auto"] = Field(
        "auto", description="processes of a data stage; auto: the cores this process may use"
    )
    parallel_stages: int = Field(1, ge=1, description="independent stages that may run side by side")
    cache_dir: Path = Field(
        Path(".cache/bessemer"), description="folder of the shard cache; may be shared by checkouts"
    )
    cache_max_gb: float = Field(
        20.0, gt=0, description="size of the shard cache in GB; the least recently used leaves first"
    )
    log_level: Literal["debug", "info", "warning"] = Field("info", description="least severe message that is printed")
    deadlines_s: dict[str, float] = Field(
        default_factory=dict, description="stage name: seconds after which it is ended"
    )
    grace_s: float = Field(25.0, gt=0, description="seconds between asking a stage to stop and ending it")
    resume_from: Path | None = Field(
        None,
        description="checkpoint folder of another run to start from, across a code or schedule change; a run is "
        "continued only with the one it was started with",
    )
    distributed: DistributedRuntime = Field(
        default_factory=DistributedRuntime, description="processes and strategy of pretraining"
    )
    energy: EnergyRuntime = Field(
        default_factory=EnergyRuntime, description="power of hardware whose energy the system does not measure"
    )

    @property
    def resolved_workers(self) -> int:
        """Number of worker processes of a data stage: its share, where stages run side by side."""
        if share := os.environ.get(WORKERS_ENVIRONMENT):
            return max(1, int(share))
        if self.workers == "auto":
            return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
        return max(1, self.workers)


def load_runtime(root: Path = Path()) -> Runtime:
    """runtime.yaml, overridden key by key by runtime.local.yaml where that exists, checked.

    Raises:
        ConfigError: as for :func:`load_params`.
    """
    values = read_yaml(root / RUNTIME) if (root / RUNTIME).exists() else {}
    local = root / RUNTIME_LOCAL
    if not local.exists():
        return parse(Runtime, values, RUNTIME)
    return parse(Runtime, _merge(values, read_yaml(local)), f"{RUNTIME} with {RUNTIME_LOCAL}")


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged
