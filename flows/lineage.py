"""What exactly was this made from? Answered from dvc.lock and sources.lock.yaml alone, so also for an old commit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bessemer.errors import ConfigError
from bessemer.sources import LOCK, read_lock
from flows.dependencies import is_code
from flows.recorded import DVC_LOCK, read_dvc_lock
from flows.versions import VERSIONS


@dataclass(frozen=True)
class Made:
    """One stage on the way to an artifact, as it was when it last ran."""

    stage: str
    outputs: Mapping[str, str]
    """Path to MD5 of its contents (``.dir``: of its listing)."""
    inputs: Mapping[str, str]
    """Inputs that no stage writes: sources, reference text, evaluation sets."""
    code: Mapping[str, str]
    packages: Mapping[str, str]
    """Third-party package to version."""
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Lineage:
    """An artifact, the stages that led to it in order, and the files that entered at the beginning."""

    artifact: str
    made_by: list[Made]
    sources: list[Mapping[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The lineage with plain values."""
        return {
            "artifact": self.artifact,
            "stages": [dict(made.__dict__) for made in self.made_by],
            "sources": [dict(source) for source in self.sources],
        }


def trace(artifact: str, root: Path = Path()) -> Lineage:
    """The lineage of an output of the line, or of a file within one.

    Raises:
        ConfigError: nothing in dvc.lock has written ``artifact``; the sentence lists what has been written. Or
            sources.lock.yaml was changed since.
    """
    stages = read_dvc_lock(root)
    owner = {_item["path"]: name for name, entry in stages.items() for _item in entry.get("outs", [])}
    wanted = artifact.rstrip("/")
    maker = next((owner[path] for path in owner if wanted == path or wanted.startswith(f"{path}/")), None)
    if maker is None:
        known = f"it has {', '.join(sorted(owner))}" if owner else "no stage has run to its end here; `bessemer run`"
        raise ConfigError(f"{DVC_LOCK} has no output {artifact}; {known}.")
    names = _ancestry(maker, stages, owner)
    made_by = [_made(name, stages[name], owner) for name in names]
    return Lineage(wanted, made_by, _sources(root, made_by))


def describe(lineage: Lineage) -> Iterator[str]:
    """The lineage as lines of text, sources first.

    A section of parameters that several stages read stands at the last of them: `check` reads every one.
    """
    last = {key: made.stage for made in lineage.made_by for key in made.parameters}
    for source in lineage.sources:
        size = "" if source["bytes"] is None else f"  {source['bytes']:,} bytes"
        yield f"source {source['path']}  {source['digest']}{size}"
    for made in lineage.made_by:
        yield f"{made.stage}"
        for path, digest in made.inputs.items():
            yield f"  from  {path}  {digest}"
        for key, value in flat({key: tree for key, tree in made.parameters.items() if last[key] == made.stage}):
            yield f"  with  {key} = {value}"
        yield f"  code  {len(made.code)} files  {_digest(made.code)}"
        for package, version in made.packages.items():
            yield f"  uses  {package} {version}"
        for path, digest in made.outputs.items():
            yield f"  made  {path}  {digest}"


def lineage_command(root: Path, artifact: str, *, as_json: bool) -> int:
    """``bessemer lineage``.

    Raises:
        ConfigError: as for :func:`trace`.
    """
    lineage = trace(artifact, root)
    if as_json:
        print(json.dumps(lineage.as_json(), indent=1, ensure_ascii=False))
        return 0
    for line in describe(lineage):
        print(line)
    return 0


def _ancestry(maker: str, stages: Mapping[str, Any], owner: Mapping[str, str]) -> list[str]:
    """Stages that lead to ``maker`` and it itself, each after those that it read from."""
    ordered: list[str] = []

    def visit(name: str) -> None:
        if name in ordered:
            return
        for item in stages[name].get("deps", []):
            upstream = _writer(item["path"], owner)
            if upstream is not None:
                visit(upstream)
        ordered.append(name)

    visit(maker)
    return ordered


def _writer(path: str, owner: Mapping[str, str]) -> str | None:
    return next(
        (owner[out] for out in owner if path == out or path.startswith(f"{out}/") or out.startswith(f"{path}/")), None
    )


def _made(name: str, entry: Mapping[str, Any], owner: Mapping[str, str]) -> Made:
    deps = {item["path"]: str(item.get("md5", "")) for item in entry.get("deps", [])}
    params: Mapping[str, Mapping[str, Any]] = entry.get("params", {})
    return Made(
        stage=name,
        outputs={item["path"]: str(item.get("md5", "")) for item in entry.get("outs", [])},
        inputs={path: md5 for path, md5 in deps.items() if not is_code(path) and _writer(path, owner) is None},
        code={path: md5 for path, md5 in deps.items() if is_code(path)},
        packages=params.get(VERSIONS, {}).get(name) or {},
        parameters={key: value for file in params if file != VERSIONS for key, value in params[file].items()},
    )


def flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted key and value of every leaf of a tree of parameters."""
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{prefix}{key}.")
        elif isinstance(value, Sequence) and not isinstance(value, str) and any(isinstance(v, Mapping) for v in value):
            for position, item in enumerate(value):
                yield from flat(item if isinstance(item, Mapping) else {"": item}, f"{prefix}{key}[{position}].")
        else:
            yield f"{prefix}{key}", value


def _digest(files: Mapping[str, str]) -> str:
    """MD5 over the names and digests of files, to see at once whether two lists are the same."""
    text = "".join(f"{path} {digest}\n" for path, digest in sorted(files.items()))
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _sources(root: Path, made_by: Sequence[Made]) -> list[Mapping[str, Any]]:
    """The files that the lock pins; none if no stage of the lineage has read it."""
    reader = next((made for made in made_by if LOCK.as_posix() in made.inputs), None)
    if reader is None:
        return []
    path = root / LOCK
    if path.exists() and hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() != reader.inputs[str(LOCK)]:
        raise ConfigError(
            f"{LOCK} is not the one that {reader.stage} has read ({DVC_LOCK}); check out the commit that the artifact "
            "is of, or run the line."
        )
    files: list[Mapping[str, Any]] = []
    for source in read_lock(root / LOCK).sources:
        for file in source.files:
            path = file.path if source.base == "." else f"{source.base}/{file.path}"
            files.append({"source": source.name, "path": path, "digest": file.content, "bytes": file.size})
        if source.huggingface is not None:
            pinned = source.huggingface
            files.append({"source": source.name, "path": pinned.repository, "digest": pinned.commit, "bytes": None})
    return files
