"""Code is an input: write each stage's import closure into the deps of dvc.yaml, and say where the two differ."""

from __future__ import annotations

import difflib
import io
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from rich.console import Console
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq

from bessemer.code import PACKAGES, import_closure
from bessemer.config.runtime import RUNTIME
from bessemer.errors import ConfigError

if TYPE_CHECKING:
    from bessemer.config.params import Params
    from bessemer.config.runtime import Runtime
    from flows.graph import Graph

DVC_YAML = "dvc.yaml"
_COMMAND = "python -m "


def is_code(path: str) -> bool:
    """Whether a dependency belongs to the generated part: a file below one of the first-party packages."""
    return path.partition("/")[0] in PACKAGES


def stale_stages(root: Path = Path()) -> dict[str, tuple[list[str], list[str]]]:
    """For each stage whose code deps are not its import closure: the paths to add and the paths to remove."""
    stale = {}
    for name, stage in _load(root)["stages"].items():
        listed = {path for path in stage.get("deps", []) if is_code(path)}
        wanted = _closure(name, stage)
        if listed != wanted:
            stale[str(name)] = (sorted(wanted - listed), sorted(listed - wanted))
    return stale


def sync_deps(root: Path = Path()) -> dict[str, tuple[list[str], list[str]]]:
    """Rewrite the generated part of every stage's deps; comments and the rest of the file stay as they are.

    Returns:
        What :func:`stale_stages` said before the file was written; empty when it was up to date and left alone.
    """
    stale = stale_stages(root)
    if not stale:
        return {}
    document = _load(root)
    for name, stage in document["stages"].items():
        if name in stale:
            _replace_code(stage["deps"], sorted(_closure(name, stage)))
    text = io.StringIO()
    _yaml().dump(document, text)
    path = root / DVC_YAML
    beside = path.with_name(f".{DVC_YAML}.new")
    beside.write_text(text.getvalue(), encoding="utf-8")
    beside.replace(path)
    return stale


def require_declared(params: Params, graph: Graph) -> None:
    """Make sure that files which parameters name are dependencies of the stage that reads them.

    Raises:
        ConfigError: dvc.yaml does not list one, so that a change of it would go unnoticed.
    """
    named = {
        "decontaminate": [item.path for item in params.decontaminate.evaluations if item.path is not None],
        "evaluate": [item.path for item in params.evaluate.references],
    }
    for stage, paths in named.items():
        declared = [PurePosixPath(path) for path in graph[stage].dependencies] if stage in graph.stages else []
        for path in map(PurePosixPath, paths):
            if declared and not any(path == known or known in path.parents for known in declared):
                raise ConfigError(f"{DVC_YAML}: {stage} reads {path} (params.yaml); add it to the deps of {stage}.")


def require_stages(runtime: Runtime, graph: Graph) -> None:
    """Make sure that runtime settings name stages that there are: a deadline of no stage would never end one.

    Raises:
        ConfigError: one does not; the sentence names the nearest that does.
    """
    for name in runtime.deadlines_s:
        if name not in graph.stages:
            near = difflib.get_close_matches(name, list(graph.stages), n=1, cutoff=0.5)
            advice = f"did you mean {near[0]}?" if near else f"its stages are {', '.join(graph.stages)}."
            raise ConfigError(f"{RUNTIME}: deadlines_s.{name}: {DVC_YAML} has no such stage; {advice}")


def sync_deps_command(root: Path, console: Console, *, check: bool) -> int:
    """``bessemer sync-deps``: 0 when dvc.yaml is (now) right; with ``check`` 2 when it was not.

    Raises:
        ConfigError: a stage's command is not one plain ``python -m stages.<name>``.
    """
    stale = stale_stages(root) if check else sync_deps(root)
    for name, (added, removed) in stale.items():
        console.print(f"{name}: {', '.join([f'+{path}' for path in added] + [f'-{path}' for path in removed])}")
    if check and stale:
        raise ConfigError(f"{DVC_YAML} does not list the code that its stages import; run `bessemer sync-deps`.")
    return 0


def module_of(name: str, stage: Any) -> str:
    """The module that a stage of dvc.yaml runs.

    Raises:
        ConfigError: its command is not one plain ``python -m stages.<name>``.
    """
    command = str(stage["cmd"])
    if not command.startswith(_COMMAND) or " " in command.removeprefix(_COMMAND):
        raise ConfigError(f"{DVC_YAML}: the command of {name} must be `{_COMMAND}stages.<name>`, it is `{command}`.")
    return command.removeprefix(_COMMAND)


def _closure(name: str, stage: Any) -> set[str]:
    return {path.as_posix() for path in import_closure(module_of(name, stage))}


def _replace_code(deps: CommentedSeq, closure: Iterable[str]) -> None:
    for position in reversed(range(len(deps))):
        if is_code(deps[position]):
            del deps[position]
    deps.extend(closure)


def _yaml() -> YAML:
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 120
    yaml.preserve_quotes = True
    return yaml


def _load(root: Path) -> Any:
    return _yaml().load((root / DVC_YAML).read_text(encoding="utf-8"))
