"""Does the commit that is checked out hold what has made an artifact: the same code, parameters and sources?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bessemer.config.read import read_yaml
from flows.lineage import Lineage, Made
from flows.recorded import content_digest
from flows.runner import capture
from flows.runs import git_state

PARAMS = "params.yaml"


@dataclass(frozen=True)
class CommitState:
    """The commit of a checkout beside what an artifact was made with.

    Attributes:
        commit: hash; None outside of git.
        changed: tracked files that differ from it.
        compared: files of code and input, and sections of parameters, that were compared.
        differing: those of them that are not the commit's.
    """

    commit: str | None
    changed: tuple[str, ...]
    compared: int
    differing: tuple[str, ...]


def commit_state(root: Path, lineage: Lineage) -> CommitState:
    """Compare the commit of the checkout with the code, the inputs and the parameters of all stages of a lineage."""
    commit, _ = git_state(root)
    changed = _changed(root) if commit else ()
    files: dict[str, set[str]] = {}
    for made in lineage.made_by:
        for path, digest in {**made.code, **made.inputs}.items():
            files.setdefault(path, set()).add(digest)
    unlike = {path for path, digests in files.items() if not _is(root, path, digests)}
    if commit:
        unlike |= _unknown(root, sorted(files)) | (set(files) & set(changed))
    sections = {key for made in lineage.made_by for key in made.parameters}
    other = set(_other_parameters(root, lineage.made_by))
    if PARAMS in changed:
        other |= {f"{PARAMS}, which has uncommitted changes"}
    return CommitState(commit, changed, len(files) + len(sections), tuple(sorted(unlike)) + tuple(sorted(other)))


def _is(root: Path, path: str, digests: set[str]) -> bool:
    return (root / path).exists() and digests == {content_digest(root / path)}


def _changed(root: Path) -> tuple[str, ...]:
    status, text = capture(["git", "status", "--porcelain", "-z", "--untracked-files=no"], timeout_s=60, cwd=root)
    return tuple(entry[3:] for entry in text.split("\0") if len(entry) > 3 and entry[2] == " ") if status == 0 else ()


def _unknown(root: Path, paths: list[str]) -> set[str]:
    """Those of the paths that git does not keep, not even a file below them."""
    status, text = capture(["git", "ls-files", "-z", "--", *paths], timeout_s=60, cwd=root)
    kept = text.split("\0") if status == 0 else []
    return {path for path in paths if not any(file == path or file.startswith(f"{path}/") for file in kept)}


def _other_parameters(root: Path, made_by: list[Made]) -> Iterator[str]:
    path = root / PARAMS
    present: Any = read_yaml(path) if path.exists() else {}
    for made in made_by:
        for key, value in made.parameters.items():
            found = present
            for part in key.split("."):
                found = found.get(part) if isinstance(found, dict) else None
            if found != value:
                yield f"{PARAMS}: {key}"
