"""The line as DVC sees it: its stages, what has changed since dvc.lock was written, and accepting a change on record.

This is the only module that imports dvc, and nothing here parses dvc.yaml on its own: DVC's index is the graph.
"""

from __future__ import annotations

import heapq
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bessemer.errors import ConfigError, TryAgain

if TYPE_CHECKING:
    from dvc.output import Output
    from dvc.repo import Repo
    from dvc.stage import PipelineStage

NAMED_FILES = 3
"""Files named one by one when a folder has changed; the rest is a count."""

LONGEST_VALUE = 60
"""Characters of a parameter's value that are shown in a plan."""

ChangeKind = Literal["never_run", "command", "parameter", "input", "output", "always"]


@dataclass(frozen=True)
class StageNode:
    """One stage of dvc.yaml."""

    name: str
    command: str
    description: str
    dependencies: tuple[str, ...]
    parameters: Mapping[str, tuple[str, ...]]
    """Parameter file to the keys that are read from it; no keys means the whole file."""
    outputs: tuple[str, ...]
    upstream: frozenset[str]
    frozen: bool
    hints: Mapping[str, Any] = field(default_factory=dict)
    """``meta.prefect`` of dvc.yaml: retries, tags and deadlines for the flow; they never invalidate a stage."""


@dataclass(frozen=True)
class Change:
    """One reason for which a stage is not up to date."""

    kind: ChangeKind
    subject: str
    """A parameter's dotted key, after its file unless that is params.yaml; or a path."""
    detail: str
    """What is said of the subject: ``changed from 50 to 80``, ``is not there``."""

    def __str__(self) -> str:
        return f"{self.subject} {self.detail}" if self.subject else self.detail


class Graph:
    """The stages in an order in which every stage comes after what it reads."""

    def __init__(self, stages: Iterable[StageNode]) -> None:
        self.stages: dict[str, StageNode] = {stage.name: stage for stage in _topological(list(stages))}

    def __iter__(self) -> Iterator[StageNode]:
        return iter(self.stages.values())

    def __len__(self) -> int:
        return len(self.stages)

    def __getitem__(self, name: str) -> StageNode:
        return self.stages[name]

    def select(self, names: Iterable[str]) -> list[str]:
        """The named stages and all that they depend on, in order; every stage when none is named.

        Raises:
            ConfigError: a name is not a stage; the sentence lists those that are.
        """
        wanted: set[str] = set()
        waiting = list(names)
        for name in waiting:
            if name not in self.stages:
                raise ConfigError(f"dvc.yaml has no stage {name}; its stages are {', '.join(self.stages)}.")
            if name not in wanted:
                wanted.add(name)
                waiting.extend(self.stages[name].upstream)
        return [name for name in self.stages if not wanted or name in wanted]

    def downstream(self, name: str) -> list[str]:
        """Every stage that depends on ``name``, directly or not, in order."""
        reached = {name}
        for stage in self:
            if stage.upstream & reached:
                reached.add(stage.name)
        return [other for other in self.stages if other in reached and other != name]

    def direct(self, name: str) -> list[str]:
        """What a stage reads from, without those that another of them reads from too: the edges that say something."""
        upstream = self.stages[name].upstream
        implied = {other for between in upstream for other in self.select([between]) if other != between}
        return [other for other in self.stages if other in upstream and other not in implied]


def _topological(stages: list[StageNode]) -> Iterator[StageNode]:
    """Kahn's order; among stages that are free, the one that dvc.yaml names first."""
    by_name = {stage.name: (position, stage) for position, stage in enumerate(stages)}
    missing = {stage.name: set(stage.upstream) & by_name.keys() for stage in stages}
    free = [by_name[name][0] for name, upstream in missing.items() if not upstream]
    heapq.heapify(free)
    while free:
        stage = stages[heapq.heappop(free)]
        yield stage
        for name, upstream in missing.items():
            if stage.name in upstream:
                upstream.remove(stage.name)
                if not upstream:
                    heapq.heappush(free, by_name[name][0])


@contextmanager
def _open(root: Path) -> Iterator[Repo]:
    from dvc.exceptions import DvcException, NotDvcRepoError
    from dvc.lock import LockError
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.ERROR)
    try:
        with Repo(str(root)) as repo:
            yield repo
    except NotDvcRepoError:
        raise ConfigError(f"{root} is not a DVC project; run this in the folder of dvc.yaml.") from None
    except LockError:
        raise TryAgain(f"another DVC process holds {root.resolve().name}; try again when it has ended.") from None
    except DvcException as error:
        raise ConfigError(f"DVC cannot read this project: {' '.join(str(error).split())}") from error


def read_graph(root: Path = Path()) -> Graph:
    """The stages of dvc.yaml as DVC resolves them.

    Raises:
        ConfigError: ``root`` is not a DVC project, or dvc.yaml cannot be read.
    """
    with _open(root) as repo:
        return _graph_of(repo)


def read_graph_and_changes(root: Path = Path()) -> tuple[Graph, dict[str, list[Change]]]:
    """The stages, and for each that is not up to date why. One opening of the project, one pass over its hashes.

    A stage without an entry is up to date as far as its own inputs go: what a stage before it will change is not
    known before that one has run.

    Raises:
        ConfigError: as for :func:`read_graph`.
    """
    with _open(root) as repo, repo.lock:
        stages = _pipeline_stages(repo)
        changes = {name: _changes_of(stage) for name, stage in stages.items()}
        return _graph_of(repo), {name: found for name, found in changes.items() if found}


def accept(name: str, root: Path = Path()) -> list[Change]:
    """Record the present inputs and outputs of one stage in dvc.lock without running it; returns what was accepted.

    Raises:
        ConfigError: there is no such stage, or its outputs are not there.
    """
    with _open(root) as repo:
        with repo.lock:
            stages = _pipeline_stages(repo)
            if name not in stages:
                raise ConfigError(f"dvc.yaml has no stage {name}; its stages are {', '.join(stages)}.")
            changes = _changes_of(stages[name])
        missing = [str(out) for out in stages[name].outs if not out.exists]
        if missing:
            raise ConfigError(f"{name} cannot be accepted: {missing[0]} is not there; run the stage once.")
        repo.commit(name, force=True)
        return changes


def fetch_output(root: Path, revision: str, path: str, target: Path) -> None:
    """Write a folder as it was at a revision, from DVC's cache or remotes.

    Args:
        root: of the checkout.
        revision: a commit, branch, tag or DVC experiment.
        path: of the folder, relative to the root.
        target: is made.

    Raises:
        ConfigError: there is no such revision, or nobody has what the folder held then.
    """
    from dvc.api import DVCFileSystem
    from dvc.scm import RevError
    from dvc_data.index import DataIndexDirError

    with _open(root):
        try:
            DVCFileSystem(str(root), rev=revision).get(path, str(target), recursive=True)
        except RevError:
            raise ConfigError(f"{revision} is no commit, branch, tag or experiment of this repository.") from None
        # DataIndexDirError: the list of the folder's files is lost; OSError: an earlier call has read it.
        except (DataIndexDirError, OSError):
            raise ConfigError(
                f"neither DVC's cache nor a remote has {path} of {revision}; the dvc.lock of that revision must be "
                "committed, and what it names must not have been collected as garbage (dvc gc)."
            ) from None


def cache_link_types(root: Path = Path()) -> list[str]:
    """How DVC may link outputs to its cache, in the configured order."""
    with _open(root) as repo:
        configured = repo.config["cache"].get("type") or ["reflink", "copy"]
        return [configured] if isinstance(configured, str) else [str(link) for link in configured]


def cache_folder(root: Path = Path()) -> Path:
    """The folder in which DVC keeps the contents of outputs."""
    with _open(root) as repo:
        return Path(repo.cache.local_cache_dir)


def is_locked(root: Path = Path()) -> bool:
    """Whether another DVC process holds the project at this moment."""
    from dvc.lock import LockError

    with _open(root) as repo:
        try:
            with repo.lock:
                return False
        except LockError:
            return True


def _pipeline_stages(repo: Repo) -> dict[str, PipelineStage]:
    return {stage.name: stage for stage in repo.index.stages if getattr(stage, "name", None)}


def _graph_of(repo: Repo) -> Graph:
    edges = repo.index.graph
    nodes = []
    for name, stage in _pipeline_stages(repo).items():
        files, parameters = _split_dependencies(stage)
        nodes.append(
            StageNode(
                name=name,
                command=stage.cmd if isinstance(stage.cmd, str) else "\n".join(stage.cmd),
                description=" ".join((stage.desc or "").split()),
                dependencies=tuple(sorted(dep.def_path for dep in files)),
                parameters={dep.def_path: tuple(dep.params) for dep in parameters},
                outputs=tuple(out.def_path for out in stage.outs),
                upstream=frozenset(other.name for other in edges.successors(stage)),
                frozen=bool(stage.frozen),
                hints=(stage.meta or {}).get("prefect", {}),
            )
        )
    return Graph(nodes)


def _split_dependencies(stage: PipelineStage) -> tuple[list[Any], list[Any]]:
    from dvc.dependency import ParamsDependency

    files = [dep for dep in stage.deps if not isinstance(dep, ParamsDependency)]
    return files, [dep for dep in stage.deps if isinstance(dep, ParamsDependency)]


def _changes_of(stage: PipelineStage) -> list[Change]:
    if not any(out.hash_info for out in stage.outs):
        return [Change("never_run", "", "it was never run here")]
    changes = [Change("command", "cmd", "has changed")] if stage.changed_stage() else []
    if stage.always_changed:
        changes.append(Change("always", "", "it runs every time"))
    files, parameters = _split_dependencies(stage)
    if not stage.frozen:
        for dep in parameters:
            changes.extend(_parameter_changes(dep))
        for dep in files:
            changes.extend(_file_changes(dep, "input"))
    for out in stage.outs:
        changes.extend(_file_changes(out, "output"))
    return changes


def _parameter_changes(dep: Any) -> Iterator[Change]:
    recorded = dep.hash_info.value or {}
    present = dep.read_params()
    file = "" if dep.def_path == "params.yaml" else f"{dep.def_path}: "
    for key in dep.params or sorted({*recorded, *present}):
        if recorded.get(key) != present.get(key) or (key in recorded) != (key in present):
            yield from _value_changes(f"{file}{key}", recorded.get(key), present.get(key))


def _value_changes(key: str, old: Any, new: Any) -> Iterator[Change]:
    """The leaves at which two parameter trees differ, named by their dotted keys."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted({*old, *new}, key=str):
            if old.get(name) != new.get(name) or (name in old) != (name in new):
                yield from _value_changes(f"{key}.{name}", old.get(name), new.get(name))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for position, (before, after) in enumerate(zip(old, new, strict=True)):
            if before != after:
                yield from _value_changes(f"{key}[{position}]", before, after)
    else:
        yield Change("parameter", key, from_to(old, new))


def from_to(old: Any, new: Any) -> str:
    """How a value has changed, in words; None is one that is not there."""
    if old is None:
        return f"is new: {_shown(new)}"
    return f"is gone, it was {_shown(old)}" if new is None else f"changed from {_shown(old)} to {_shown(new)}"


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def _file_changes(item: Output, kind: Literal["input", "output"]) -> Iterator[Change]:
    for path, state in item.status().items():
        detail = {
            "deleted": "is not there",
            "new": "was not recorded yet",
            "not in cache": "is not in the DVC cache",
        }.get(str(state), "has changed")
        files = _changed_files(item) if detail == "has changed" and item.isdir() else []
        for file in files[:NAMED_FILES]:
            yield Change(kind, f"{path}/{file}", detail)
        if len(files) > NAMED_FILES:
            yield Change(kind, path, f"has {len(files) - NAMED_FILES:,} more such files")
        if not files:
            yield Change(kind, path, detail)


def _changed_files(item: Output) -> list[str]:
    """Files below a folder whose digests differ from the recorded ones; none when the recorded listing is gone."""
    from dvc_data.hashfile.build import build
    from dvc_data.hashfile.tree import Tree

    recorded = item.get_obj()
    if not isinstance(recorded, Tree):
        return []
    _, _, present = build(item.cache, item.fs_path, item.fs, item.hash_name, ignore=item.dvcignore, dry_run=True)
    if not isinstance(present, Tree):
        return []
    old, new = ({key: digest for key, _, digest in tree} for tree in (recorded, present))
    return ["/".join(key) for key in sorted({*old, *new}) if old.get(key) != new.get(key)]
