"""Results as files, with a description of the machine that they were measured on."""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import machine
from benchmarks.tables import Table
from benchmarks.workers import DOLMA_PEERS, PEERS

RESULTS = Path(__file__).parent / "results"


def save(
    name: str,
    title: str,
    flat: Mapping[str, float | None],
    tables: Sequence[Table],
    peer_packages: Sequence[str],
    packages: Sequence[str] = ("numba", "numpy", "pyarrow"),
    dolma_packages: Sequence[str] = (),
) -> None:
    """Write benchmarks/results/<name>-<machine>.json and .md.

    Args:
        name: the benchmark's module, below ``benchmarks``.
        title: of the page.
        flat: what the benchmark prints as flat keys.
        tables: the page's sections.
        peer_packages: distributions of the peers' environment whose versions matter; none if it is not used.
        packages: the same of the project's environment.
        dolma_packages: the same of Dolma's.
    """
    asked = {PEERS: peer_packages, DOLMA_PEERS: dolma_packages}
    peers = {python: names for python, names in asked.items() if names and python.exists()}
    command = " ".join([f"python -m benchmarks.{name}", *map(_named, sys.argv[1:])])
    described = {"command": command} | machine.describe(packages, peers)
    of_machine = re.sub(r"[^a-z0-9]+", "-", f"{machine.processor()} {machine.cores()} cores".lower()).strip("-")
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}-{of_machine}"
    path.with_suffix(".json").write_text(json.dumps({"machine": described, "results": flat}, indent=1) + "\n")
    facts = "\n".join(f"- {key}: {value}" for key, value in described.items())
    sections = "\n\n".join(table.markdown() for table in tables)
    path.with_suffix(".md").write_text(f"# {title}\n\n{facts}\n\n{sections}\n")
    print(f"Written: {path}.json and .md")


def _named(argument: str) -> str:
    """An argument as it is recorded: of a path of this machine only the name."""
    return Path(argument).name if Path(argument).is_absolute() else argument
