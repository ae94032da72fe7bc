"""What a stage took, as amounts that add up: time, processor hours, GPU hours, energy."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from bessemer.config.energy import EnergyRuntime
from bessemer.config.runtime import load_runtime
from bessemer.errors import ConfigError

TWICE = "what the machine used while several stages worked is counted for each of them"
"""Why a sum of measured energies may be more than was used."""


@dataclass(frozen=True)
class Cost:
    """What one stage, or several together, took.

    Attributes:
        wall_s: seconds from beginning to end, added up over stages.
        cpu_s: seconds that cores computed.
        gpu_s: seconds that GPUs were held, whether they computed or not.
        energy_j: joules of processors and GPUs.
        estimated_j: the part of ``energy_j`` that was not measured.
        estimated_gpu_j: the part of ``estimated_j`` that is of GPUs.
        metered: beginnings and ends, in seconds since 1970, of the times in which the whole machine's energy was
            measured; empty where that is not known.
    """

    wall_s: float = 0.0
    cpu_s: float = 0.0
    gpu_s: float = 0.0
    energy_j: float = 0.0
    estimated_j: float = 0.0
    estimated_gpu_j: float = 0.0
    metered: tuple[tuple[float, float], ...] = ()

    @property
    def at_most(self) -> bool:
        """Whether stages that were measured overlap in time, so that the machine's energy is in the sum twice."""
        times = sorted(self.metered)
        return any(begins < ended for (_, ended), (begins, _) in pairwise(times))

    def __add__(self, other: Cost) -> Cost:
        """Both together."""
        return Cost(
            self.wall_s + other.wall_s,
            self.cpu_s + other.cpu_s,
            self.gpu_s + other.gpu_s,
            self.energy_j + other.energy_j,
            self.estimated_j + other.estimated_j,
            self.estimated_gpu_j + other.estimated_gpu_j,
            self.metered + other.metered,
        )


def cost_of(record: Mapping[str, Any], power: EnergyRuntime, wall_s: float | None = None) -> Cost:
    """The cost that a stage's record tells of; nothing but ``wall_s`` for an empty one.

    ``wall_s`` is the time as the run saw it, with what DVC takes around the stage; without it that of the record.
    Where the system has not measured what the processors used, the time that cores computed is taken at
    ``power.watts_per_core``; a GPU is taken at ``power.watts_per_gpu`` for as long as the stage ran.
    """
    held, cpu, measured = (_known(record, name) for name in ("wall_s", "cpu_s", "energy_j"))
    began, ended = _known(record, "started"), _known(record, "finished")
    gpu = (held or 0.0) * _gpus(record.get("notes") or {})
    of_gpus = gpu * power.watts_per_gpu
    estimated = of_gpus + ((cpu or 0.0) * power.watts_per_core if measured is None else 0.0)
    return Cost(
        (held or 0.0) if wall_s is None else wall_s,
        cpu or 0.0,
        gpu,
        estimated + (measured or 0.0),
        estimated,
        of_gpus,
        ((began, ended),) if measured and began is not None and ended is not None else (),
    )


def together(costs: Iterable[Cost]) -> Cost:
    """The sum."""
    return sum(costs, Cost())


def assumed(cost: Cost, power: EnergyRuntime) -> str:
    """What the estimated part was estimated with; empty where there is none."""
    parts = []
    if cost.estimated_j > cost.estimated_gpu_j:
        parts.append(f"{power.watts_per_core:g} W for a computing core")
    if cost.estimated_gpu_j:
        parts.append(f"{power.watts_per_gpu:g} W for a GPU")
    return " and ".join(parts)


def assumed_power(root: Path) -> EnergyRuntime:
    """Section ``energy`` of runtime.yaml; its defaults where that file is of no use: a page is written even so."""
    try:
        return load_runtime(root).energy
    except ConfigError:
        return EnergyRuntime()


def _known(record: Mapping[str, Any], name: str) -> float | None:
    """A number of a record; None where it is missing or not finite."""
    value = record.get(name)
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _gpus(notes: Mapping[str, Any]) -> int:
    """GPUs that the stage held: one for each process on a CUDA device."""
    for facts in (notes, *(value for value in notes.values() if isinstance(value, Mapping))):
        if str(facts.get("device", "")).startswith("cuda"):
            return int(facts.get("processes") or 1)
    return 0
