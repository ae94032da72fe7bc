"""What a stage took, as amounts that add up: time, processor hours, GPU hours, energy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bessemer.config.energy import EnergyRuntime
from bessemer.config.runtime import load_runtime
from bessemer.errors import ConfigError


@dataclass(frozen=True)
class Cost:
    """What one stage, or several together, took.

    Attributes:
        wall_s: seconds from beginning to end, added up over stages.
        cpu_s: seconds that cores computed.
        gpu_s: seconds that GPUs were held, whether they computed or not.
        energy_j: joules of processors and GPUs.
        estimated_j: the part of ``energy_j`` that was not measured.
    """

    wall_s: float = 0.0
    cpu_s: float = 0.0
    gpu_s: float = 0.0
    energy_j: float = 0.0
    estimated_j: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        """Both together."""
        return Cost(
            self.wall_s + other.wall_s,
            self.cpu_s + other.cpu_s,
            self.gpu_s + other.gpu_s,
            self.energy_j + other.energy_j,
            self.estimated_j + other.estimated_j,
        )


def cost_of(record: Mapping[str, Any], power: EnergyRuntime, wall_s: float | None = None) -> Cost:
    """The cost that a stage's record tells of; nothing but ``wall_s`` for an empty one.

    ``wall_s`` is the time as the run saw it, with what DVC takes around the stage; without it that of the record.
    Where the system has not measured what the processors used, the time that cores computed is taken at
    ``power.watts_per_core``; a GPU is taken at ``power.watts_per_gpu`` for as long as the stage ran.
    """
    held, cpu = float(record.get("wall_s") or 0), float(record.get("cpu_s") or 0)
    gpu = held * _gpus(record.get("notes") or {})
    measured = record.get("energy_j")
    estimated = gpu * power.watts_per_gpu + (cpu * power.watts_per_core if measured is None else 0.0)
    return Cost(held if wall_s is None else wall_s, cpu, gpu, estimated + float(measured or 0), estimated)


def together(costs: Iterable[Cost]) -> Cost:
    """The sum."""
    return sum(costs, Cost())


def assumed_power(root: Path) -> EnergyRuntime:
    """Section ``energy`` of runtime.yaml; its defaults where that file is of no use: a page is written even so."""
    try:
        return load_runtime(root).energy
    except ConfigError:
        return EnergyRuntime()


def _gpus(notes: Mapping[str, Any]) -> int:
    """GPUs that the stage held: one for each process on a CUDA device."""
    for facts in (notes, *(value for value in notes.values() if isinstance(value, Mapping))):
        if str(facts.get("device", "")).startswith("cuda"):
            return int(facts.get("processes") or 1)
    return 0
