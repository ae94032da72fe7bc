"""Libraries are an input: ``versions.yaml`` has the packages that each stage imports, and the stage lists its entry.

DVC compares an entry as it compares a parameter, so an upgrade re-runs the stages that import the package and no other.
The file is written before a run; plain ``dvc repro`` takes it as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from bessemer.code import package_versions
from bessemer.config.read import read_yaml
from bessemer.errors import ConfigError
from bessemer.shards import write_bytes
from flows.dependencies import DVC_YAML, module_of
from flows.graph import Change, from_to

VERSIONS = "versions.yaml"
_HEAD = "# Written by `bessemer run` and `bessemer sync-deps`: the packages that each stage imports, as installed.\n"

Versions = dict[str, dict[str, str]]


def stale_versions(root: Path = Path()) -> dict[str, list[Change]]:
    """For each stage whose entry is not what is installed: the packages that came, left or changed."""
    recorded, present = _recorded(root), installed_versions(root)
    stale = {name: _differences(name, recorded.get(name) or {}, packages) for name, packages in present.items()}
    return {name: changes for name, changes in stale.items() if changes}


def write_versions(root: Path = Path()) -> dict[str, list[Change]]:
    """Write what is installed; a file that has just that is left alone.

    Returns:
        What :func:`stale_versions` said before.
    """
    stale = stale_versions(root)
    if stale:
        present = {**_recorded(root), **installed_versions(root)}
        write_bytes(root / VERSIONS, (_HEAD + yaml.safe_dump(present, allow_unicode=True)).encode())
    return stale


def update_versions(root: Path, console: Console) -> None:
    """Bring the file up to date before a run, and say so if anything changed."""
    stale = write_versions(root)
    if stale:
        console.print(f"{VERSIONS}: other packages than before for {', '.join(stale)}", markup=False, soft_wrap=True)


def sync_versions_command(root: Path, console: Console, *, check: bool) -> int:
    """The second part of ``bessemer sync-deps``: 0 when the file is (now) right.

    Raises:
        ConfigError: with ``check``, it was not.
    """
    if not check:
        update_versions(root, console)
    for changes in stale_versions(root).values():
        raise ConfigError(f"{changes[0]}, and that is not on record; run `bessemer sync-deps`.")
    return 0


def with_stale(changes: Mapping[str, list[Change]], root: Path) -> dict[str, list[Change]]:
    """``changes``, and those that the next run will find when it has brought the file up to date."""
    stale = stale_versions(root)
    return {name: [*changes.get(name, []), *stale.get(name, [])] for name in {**changes, **stale}}


def installed_versions(root: Path = Path()) -> Versions:
    """Stage to package to version, for the stages that list their entry.

    The part of a version after ``+`` is left out: it names a build (for a GPU, for none) of the same release.
    """
    stages: Mapping[str, Any] = read_yaml(root / DVC_YAML).get("stages", {})
    modules = {
        name: module_of(name, stage) for name, stage in stages.items() if {VERSIONS: [name]} in stage.get("params", [])
    }
    return {
        name: {package: version.partition("+")[0] for package, version in package_versions(module).items()}
        for name, module in modules.items()
    }


def _recorded(root: Path) -> Versions:
    return read_yaml(root / VERSIONS) if (root / VERSIONS).exists() else {}


def _differences(name: str, old: Mapping[str, str], new: Mapping[str, str]) -> list[Change]:
    return [
        Change(
            "parameter",
            f"{VERSIONS}: {name}.{package}",
            from_to(old.get(package), new.get(package)),
        )
        for package in sorted({*old, *new}, key=str.lower)
        if old.get(package) != new.get(package)
    ]
