"""Is this machine ready? Each check is a small function with one finding; heavy packages are asked in processes."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.markup import escape

from bessemer.code import distributions_of
from bessemer.config.load import load_params, load_runtime
from bessemer.errors import BessemerError, ConfigError
from bessemer.sources import LOCK, read_lock, require_locked
from flows.graph import cache_folder, cache_link_types, is_locked, read_graph
from flows.runner import capture

LOW_DISK_BYTES = 10 * 2**30
PROBE_TIMEOUT_S = 120.0
SHOWN = 6

_LAUNCHERS = ("stages.", "flows.", "bessemer", "dvc", "accelerate", "torchrun", "torch.distributed")
"""Words in the command of what starts stages, and ranks in sessions of their own."""

_PREFECT_PROBE = "from prefect.server.api.server import create_app; create_app(ephemeral=True)"
_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)")
_BREAKING = (("fastapi", "0.151", "the Prefect server does not start"), ("sqlalchemy", "2.1", "schedules make no runs"))


class Health(StrEnum):
    """How a finding is to be taken."""

    GOOD = "good"
    NOTE = "note"  # works, or concerns only what is optional
    BAD = "bad"


@dataclass(frozen=True)
class Finding:
    """One answer: what was looked at, how it is, and what was seen or is to do."""

    subject: str
    health: Health
    text: str


def doctor_command(root: Path, console: Console, *, as_json: bool) -> int:
    """``bessemer doctor``: 0 when the line can run here, 2 when something is in its way."""
    findings = examine(root)
    if as_json:
        print(json.dumps([dict(finding.__dict__) for finding in findings], indent=1, ensure_ascii=False))
    else:
        marks = {Health.GOOD: "[green]✓[/]", Health.NOTE: "[yellow]•[/]", Health.BAD: "[bold red]✗[/]"}
        width = max(len(finding.subject) for finding in findings)
        for finding in findings:
            text = f"{marks[finding.health]} {finding.subject:<{width}}  {escape(finding.text)}"
            console.print(text, soft_wrap=True)
    return ConfigError.exit_code if any(finding.health is Health.BAD for finding in findings) else 0


def examine(root: Path) -> list[Finding]:
    """All findings, in a fixed order; the slow ones are made side by side."""
    checks: list[Callable[[Path], Finding]] = [
        python_version,
        pinned_versions,
        known_conflicts,
        configuration,
        source_lock,
        graph,
        devices,
        toolchain,
        prefect_server,
        disk,
        cache_links,
        dvc_lock,
        left_behind,
    ]
    with ThreadPoolExecutor(max_workers=3) as pool:
        return list(pool.map(lambda check: _guarded(check, root), checks))


def python_version(root: Path) -> Finding:
    """Python in the range that is tested."""
    del root
    version = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro} in {sys.prefix}"
    good = (3, 11) <= sys.version_info[:2] < (3, 14)
    return Finding(
        "python", Health.GOOD if good else Health.BAD, version if good else f"{version}; 3.11 to 3.13 needed"
    )


def pinned_versions(root: Path) -> Finding:
    """Installed versions against constraints.txt."""
    path = root / "constraints.txt"
    if not path.exists():
        return Finding("pins", Health.NOTE, "constraints.txt is missing: versions cannot be compared")
    lines = path.read_text(encoding="utf-8").splitlines()
    pins = {match[1]: match[2] for match in map(_REQUIREMENT.match, lines) if match}
    other = []
    for name, wanted in pins.items():
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            installed = importlib.metadata.version(name)
            if _public(installed) != _public(wanted):
                other.append(f"{name} {installed} (pinned {wanted})")
    if other:
        return Finding("pins", Health.NOTE, f"{len(other)} differ: {', '.join(other[:SHOWN])}; `make setup` mends it")
    return Finding("pins", Health.GOOD, f"what is installed of {len(pins)} pinned packages has the pinned version")


def known_conflicts(root: Path) -> Finding:
    """Combinations that pip accepts and that break in silence."""
    del root
    problems = []
    for name, limit, consequence in _BREAKING:
        installed = importlib.metadata.version(name)
        if _release(installed) >= _release(limit):
            problems.append(f"{name} {installed} is not below {limit}: {consequence}")
    providers = sorted(item.partition("==")[0] for item in distributions_of({"fasttext"}))
    if len(providers) > 1:
        problems.append(f"{' and '.join(providers)} overwrite each other's module fasttext")
    if problems:
        return Finding("conflicts", Health.BAD, f"{'; '.join(problems)}; `make setup` mends it")
    return Finding("conflicts", Health.GOOD, "fastapi, sqlalchemy and fasttext as they must be")


def configuration(root: Path) -> Finding:
    """params.yaml and runtime.yaml."""
    load_params(root)
    runtime = load_runtime(root)
    return Finding("configuration", Health.GOOD, f"params.yaml and runtime.yaml; {runtime.resolved_workers} workers")


def source_lock(root: Path) -> Finding:
    """sources.lock.yaml against params.yaml."""
    lock = read_lock(root / LOCK)
    require_locked(lock, load_params(root).sources)
    files = sum(len(source.files) for source in lock.sources)
    return Finding("sources", Health.GOOD, f"{len(lock.sources)} sources, {files:,} files pinned in {LOCK}")


def graph(root: Path) -> Finding:
    """dvc.yaml as DVC reads it."""
    return Finding("line", Health.GOOD, " · ".join(read_graph(root).stages))


def devices(root: Path) -> Finding:
    """What can be trained on, from a process of its own (torch is not imported here)."""
    code, text = capture([sys.executable, "-m", "bessemer.training.devices"], timeout_s=PROBE_TIMEOUT_S, cwd=root)
    if code != 0:
        return Finding("devices", Health.BAD, f"torch does not work: {_last_line(text)}")
    facts = json.loads(_last_line(text))
    usable = [name for name, obstacle in facts["backends"].items() if not obstacle]
    words = [
        f"torch {facts['torch']} on {', '.join(facts['devices'])}",
        _bf16(facts),
        f"attention {facts['attention']} (runs here: {', '.join(usable)})",
    ]
    return Finding("devices", Health.GOOD, "; ".join(words))


def _bf16(facts: dict[str, Any]) -> str:
    if not facts["bf16"]:
        return "no bf16"
    return "bf16" if facts["bf16_native"] else "bf16 only emulated, so precision auto takes fp32"


def toolchain(root: Path) -> Finding:
    """A C++ compiler and ninja: only for DeepSpeed and torch.compile."""
    del root
    compiler = next((name for name in ("c++", "g++", "clang++") if shutil.which(name)), None)
    missing = [name for name, found in (("a C++ compiler", compiler), ("ninja", shutil.which("ninja"))) if not found]
    if missing:
        text = f"{' and '.join(missing)} not found: DeepSpeed strategies and torch.compile will not run, all else does"
        return Finding("toolchain", Health.NOTE, text)
    return Finding("toolchain", Health.GOOD, f"{compiler} and ninja (for DeepSpeed and torch.compile)")


def prefect_server(root: Path) -> Finding:
    """Whether the Prefect server can be built with the installed web packages."""
    with tempfile.TemporaryDirectory() as home:
        environment = [f"PREFECT_HOME={home}", "PREFECT_SERVER_ANALYTICS_ENABLED=false", "DO_NOT_TRACK=1"]
        command = ["env", *environment, sys.executable, "-c", _PREFECT_PROBE]
        code, text = capture(command, timeout_s=PROBE_TIMEOUT_S, cwd=root)
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("prefect", "fastapi", "sqlalchemy"))
    if code != 0:
        return Finding("prefect", Health.BAD, f"{versions}: {_last_line(text)}; `make setup` mends it")
    return Finding("prefect", Health.GOOD, versions)


def disk(root: Path) -> Finding:
    """Free space where artifacts go."""
    free = shutil.disk_usage(root).free
    health = Health.GOOD if free >= LOW_DISK_BYTES else Health.NOTE
    return Finding("disk", health, f"{free / 2**30:,.0f} GiB free")


def cache_links(root: Path) -> Finding:
    """Which of the configured link types works between the DVC cache and the checkout."""
    folder = cache_folder(root)
    folder.mkdir(parents=True, exist_ok=True)
    configured = cache_link_types(root)
    works = next((kind for kind in configured if _links(kind, folder, root)), None)
    text = f"{works or 'none'} works of {', '.join(configured)}"
    return Finding("dvc cache", Health.GOOD if works else Health.BAD, text)


def dvc_lock(root: Path) -> Finding:
    """Whether another DVC process holds the project."""
    busy = is_locked(root)
    return Finding("dvc lock", Health.NOTE if busy else Health.GOOD, "held by another DVC process" if busy else "free")


def left_behind(root: Path) -> Finding:
    """Stages of this checkout whose parent is gone."""
    orphans = sorted(_orphans(root.resolve()))
    if orphans:
        listed = ", ".join(f"{name} (process {number})" for number, name in orphans)
        return Finding("orphans", Health.BAD, f"stages run without a parent: {listed}; end them before the next run")
    return Finding("orphans", Health.GOOD, "no stage runs without a parent")


def _guarded(check: Callable[[Path], Finding], root: Path) -> Finding:
    try:
        return check(root)
    except BessemerError as error:
        return Finding(check.__name__.replace("_", " "), Health.BAD, str(error))
    except (importlib.metadata.PackageNotFoundError, OSError, ValueError) as error:
        return Finding(check.__name__.replace("_", " "), Health.BAD, f"{type(error).__name__}: {error}")


def _orphans(root: Path) -> Iterator[tuple[int, str]]:
    for process in psutil.process_iter(["cmdline", "ppid"]):
        with contextlib.suppress(psutil.Error, OSError):
            words = process.info["cmdline"] or []
            stage = next((word for word in words if word.startswith("stages.")), None)
            if stage and _is_left(process.pid, process.info["ppid"]) and Path(process.cwd()) == root:
                yield process.pid, stage


def _is_left(process: int, parent: int) -> bool:
    """Whether process 1 has taken it in, or another that takes in orphans: one of another session, and no launcher."""
    if parent == 1:
        return True
    command = " ".join(psutil.Process(parent).cmdline())
    return os.getsid(process) != os.getsid(parent) and not any(launcher in command for launcher in _LAUNCHERS)


def _links(kind: str, source_folder: Path, target_folder: Path) -> bool:
    if kind == "copy":
        return True
    with tempfile.TemporaryDirectory(dir=source_folder) as made, tempfile.TemporaryDirectory(dir=target_folder) as near:
        source, target = Path(made) / "a", Path(near) / "b"
        source.write_bytes(b"iron")
        try:
            if kind == "hardlink":
                os.link(source, target)
            elif kind == "symlink":
                target.symlink_to(source)
            else:
                return _reflinks(source, target)
        except OSError:
            return False
        return target.read_bytes() == b"iron"


def _reflinks(source: Path, target: Path) -> bool:
    flag = ["-c"] if sys.platform == "darwin" else ["--reflink=always"]
    return capture(["cp", *flag, str(source), str(target)], timeout_s=20)[0] == 0


def _public(version: str) -> str:
    return version.partition("+")[0]


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", _public(version))[:3])


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no output")
