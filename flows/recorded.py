"""Is what lies here what dvc.lock says? Found out from the bytes themselves, without DVC's memory of earlier looks."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from bessemer.errors import ConfigError, DataError

DVC_LOCK = "dvc.lock"


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # the C one, if built in
    """YAML in which 1e-06 is a number, as DVC writes it: YAML 1.2 has it so, 1.1 wants 1.0e-06."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), [*"-+0123456789"]
)


def read_dvc_lock(root: Path) -> Mapping[str, Any]:
    """The stages of dvc.lock, by name; none where no stage has ever ended.

    Raises:
        ConfigError: the file is no YAML, or has something else in it.
    """
    try:
        text = (root / DVC_LOCK).read_text(encoding="utf-8")
        stages = (yaml.load(text, Loader=_Loader) or {}).get("stages") or {}
        if all(isinstance(entry, dict) for entry in stages.values()):
            return dict(stages)
    except FileNotFoundError:
        return {}
    except (yaml.YAMLError, UnicodeDecodeError, AttributeError):
        pass
    raise ConfigError(f"{DVC_LOCK} cannot be read; restore it from version control, or run the line.")


class Recorded:
    """The stages of dvc.lock, and what they have read and written."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.stages = read_dvc_lock(root)

    def output(self, stage: str, path: str) -> str | None:
        """Digest of an output when the stage last ended well; None where it never did."""
        return self._digest(stage, "outs", path)

    def input(self, stage: str, path: str) -> str | None:
        """Digest of an input as the stage has read it; None where it never did."""
        return self._digest(stage, "deps", path)

    def require(self, stage: str, path: str) -> str:
        """The digest of an output that lies here as the stage has left it.

        Raises:
            DataError: the stage has not run to its end, or its output is missing or another one.
        """
        digest = self.output(stage, path)
        if digest is None:
            raise DataError(f"{DVC_LOCK} has no {path}: {stage} has not run to its end here; `bessemer run` does that.")
        if not (self.root / path).exists():
            raise DataError(f"{path} is not there, though {DVC_LOCK} has it; `dvc checkout {path}` brings it back.")
        if content_digest(self.root / path) != digest:
            raise DataError(
                f"{path} is not what {stage} has written ({DVC_LOCK}); `dvc checkout {path}` brings that back, "
                f"`bessemer run {stage}` makes it anew."
            )
        return digest

    def _digest(self, stage: str, kind: str, path: str) -> str | None:
        entries = self.stages.get(stage, {}).get(kind, [])
        return next((str(entry["md5"]) for entry in entries if entry["path"] == path and "md5" in entry), None)


def content_digest(path: Path) -> str:
    """MD5 of a file; of a folder that of its listing, followed by ``.dir``, as DVC writes both into dvc.lock."""
    if not path.is_dir():
        return _md5(path)
    files = {file.relative_to(path).as_posix(): file for file in path.rglob("*") if file.is_file()}
    listing = [{"md5": _md5(files[name]), "relpath": name} for name in sorted(files)]
    return hashlib.md5(json.dumps(listing, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + ".dir"


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
