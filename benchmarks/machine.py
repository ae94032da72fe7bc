"""What a measurement was made on."""

import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

_VERSIONS = "import importlib.metadata as m, json, sys; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"


def processor() -> str:
    """Name of the processor's model."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        facts = dict(line.split(":", 1) for line in cpuinfo.read_text().splitlines() if ":" in line)
        names = {key.strip(): value.strip() for key, value in facts.items()}
        if "model name" in names:
            numbers = [f"{key} {names[key]}" for key in ("cpu family", "model") if key in names]
            return f"{names['model name']} ({', '.join(numbers)})" if numbers else names["model name"]
    return platform.processor() or platform.machine()


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def describe(packages: Sequence[str], peers: Mapping[Path, Sequence[str]]) -> dict[str, object]:
    """Processor, cores, memory, system, Python and versions.

    Args:
        packages: distributions whose versions matter, of this environment.
        peers: likewise of other environments, by their Python.
    """
    described: dict[str, object] = {
        "processor": processor(),
        "cores": cores(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in packages},
    }
    versions: dict[str, str] = {}
    for python, names in peers.items():
        answer = subprocess.run([str(python), "-c", _VERSIONS, *names], check=True, capture_output=True)
        versions |= json.loads(answer.stdout)
    if versions:
        described["versions of peers"] = versions
    return described
