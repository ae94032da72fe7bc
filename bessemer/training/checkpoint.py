"""Checkpoints that can be trusted: written beside, hashed, flushed, and committed by one rename.

A folder ``step-0000123`` that exists was written whole. Its manifest lists every file with size and xxh3-128; a file
that does not match makes the checkpoint damaged, and the one before it is used. Leftovers of a killed save or a killed
removal have other names (``.saving-…``, ``.dropped-…``) and are removed by the next save.
"""

import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from bessemer.errors import ConfigError, DataError, TryAgain
from bessemer.shards import file_digest, write_json

FORMAT = 1
MANIFEST = "manifest.json"
_NAME = re.compile(r"step-(\d{7,})")


class CheckpointFile(BaseModel):
    """Size in bytes and xxh3-128 (hex) of one file."""

    model_config = ConfigDict(frozen=True)

    bytes: int
    xxh3: str


class CheckpointManifest(BaseModel):
    """What a checkpoint is.

    Attributes:
        format: version of this layout.
        step: optimizer steps that are done.
        kind: ``torch`` (one process, DDP, FSDP2: interchangeable, any number of processes) or ``zero1`` to ``zero3``.
        world: number of processes that wrote it.
        state: position and statistics of the loop, JSON-able.
        files: path relative to the folder, with size and digest.
    """

    model_config = ConfigDict(frozen=True)

    format: int
    step: int
    kind: str
    world: int
    state: dict[str, Any]
    files: dict[str, CheckpointFile]


class CheckpointStore:
    """The checkpoints of one run in one folder."""

    def __init__(self, directory: Path, keep: int) -> None:
        """Use ``directory``, created when missing; ``keep`` newest checkpoints stay."""
        self.directory = directory
        self._keep = max(1, keep)
        directory.mkdir(parents=True, exist_ok=True)

    def prepare(self, step: int) -> Path:
        """An empty folder for all processes to write step ``step`` into; remains of killed saves are removed."""
        for pattern in (".saving-*", ".dropped-*"):
            for left in self.directory.glob(pattern):
                shutil.rmtree(left)
        path = self.saving(step)
        path.mkdir()
        return path

    def saving(self, step: int) -> Path:
        """Where step ``step`` is written before it is committed."""
        return self.directory / f".saving-{step:07d}"

    def commit(self, step: int, *, kind: str, world: int, state: dict[str, Any], trouble: bool = False) -> Path:
        """Hash and flush what was written, rename it into place, and drop the checkpoints that are too old.

        One that was written amid ``trouble`` may not be what the run goes back to: then all earlier ones stay.
        Later steps go too: this run continued from before them, which it does only when they are damaged. Nothing is
        dropped unless the new checkpoint, read again, is as it was written.

        Raises:
            DataError: it is not.
        """
        source = self.saving(step)
        files = {}
        for path in sorted(item for item in source.rglob("*") if item.is_file()):
            _flush(path)
            name = path.relative_to(source).as_posix()
            files[name] = CheckpointFile(bytes=path.stat().st_size, xxh3=file_digest(path))
        manifest = CheckpointManifest(format=FORMAT, step=step, kind=kind, world=world, state=state, files=files)
        write_json(source / MANIFEST, manifest.model_dump())
        for folder in [*(item for item in source.rglob("*") if item.is_dir()), source]:
            _flush(folder)
        target = self._path(step)
        if target.exists():
            self._drop(step)
        source.rename(target)
        _flush(self.directory)
        self._retain(step, trouble=trouble)
        return target

    def forget_after(self, step: int) -> None:
        """Drop the checkpoints of later steps: the run goes on from ``step`` another way."""
        for later in [done for done in self.steps() if done > step]:
            self._drop(later)

    def _retain(self, newest: int, *, trouble: bool) -> None:
        try:
            verify(self._path(newest))
        except ConfigError as error:
            raise DataError(f"{error} It was saved just now: the disk loses what it is given; replace it.") from None
        self.forget_after(newest)
        if trouble:
            return
        whole = [done for done in self.steps() if done == newest or _looks_whole(self._path(done))]
        kept = whole[-self._keep :]
        for old in [done for done in self.steps() if done not in kept]:
            self._drop(old)

    def _drop(self, step: int) -> None:
        """Remove a checkpoint; renamed first, so that what has its name is never half removed."""
        path = self._path(step)
        dropped = path.with_name(f".dropped-{path.name}")
        if dropped.exists():
            shutil.rmtree(dropped)
        path.rename(dropped)
        shutil.rmtree(dropped)

    def _path(self, step: int) -> Path:
        return self.directory / f"step-{step:07d}"

    def steps(self) -> list[int]:
        """Steps of the committed checkpoints, oldest first."""
        names = (_NAME.fullmatch(path.name) for path in self.directory.iterdir() if path.is_dir())
        return sorted(int(name.group(1)) for name in names if name)

    def newest(
        self, on_damage: Callable[[str], None], fits: Callable[[CheckpointManifest], bool] = lambda _: True
    ) -> tuple[Path, CheckpointManifest] | None:
        """The newest checkpoint that ``fits`` and all of whose files are as they were written.

        Args:
            on_damage: told, in a sentence, of each checkpoint that is passed over for damage.
            fits: whether a whole checkpoint may be used.
        """
        for step in reversed(self.steps()):
            path = self._path(step)
            try:
                manifest = verify(path)
            except ConfigError as error:
                on_damage(str(error))
                continue
            if fits(manifest):
                return path, manifest
        return None


def verify(path: Path) -> CheckpointManifest:
    """Compare every file of a checkpoint with its manifest.

    Raises:
        ConfigError: it is not a checkpoint of this format, or a file is missing or was changed.
    """
    manifest = _read_manifest(path)
    if manifest.format != FORMAT:
        raise ConfigError(f"{path} has checkpoint format {manifest.format}, this version reads {FORMAT}.")
    for name, expected in manifest.files.items():
        file = path / name
        if not file.is_file() or file.stat().st_size != expected.bytes or file_digest(file) != expected.xxh3:
            raise ConfigError(f"{file} is missing or differs from what was saved: the checkpoint is damaged.")
    return manifest


def _read_manifest(path: Path) -> CheckpointManifest:
    try:
        return CheckpointManifest.model_validate_json((path / MANIFEST).read_bytes())
    except (OSError, ValidationError):
        raise ConfigError(f"{path} has no readable {MANIFEST}: it is no checkpoint or a damaged one.") from None


def _looks_whole(path: Path) -> bool:
    """Whether every file is there and has its size: what can be known of an old checkpoint without reading it all."""
    try:
        files = _read_manifest(path).files
    except ConfigError:
        return False
    return all((path / name).is_file() and (path / name).stat().st_size == it.bytes for name, it in files.items())


def checkpoint_digest(path: Path) -> str:
    """xxh3-128 of a checkpoint's manifest, in hex: it names every byte of the checkpoint.

    Raises:
        ConfigError: there is no manifest.
    """
    try:
        return file_digest(path / MANIFEST)
    except OSError:
        raise ConfigError(f"runtime.resume_from: {path} has no readable {MANIFEST}: it is no checkpoint.") from None


def require_compatible(path: Path, manifest: CheckpointManifest, kind: str, world: int) -> None:
    """Refuse a checkpoint that this strategy cannot read.

    Raises:
        ConfigError: it is DeepSpeed's and this run is not, the other way round, or of another number of processes.
    """
    if manifest.kind != kind:
        raise ConfigError(
            f"{path} was written by a run of kind {manifest.kind}, this one is {kind}; set distributed.strategy back, "
            f"or remove {path.parent} to start over."
        )
    if kind.startswith("zero") and manifest.world != world:
        raise ConfigError(
            f"{path} was written by {manifest.world} processes, this run has {world}: ZeRO checkpoints fit one number "
            f"only; set distributed.processes to {manifest.world}, or remove {path.parent} to start over."
        )


@contextmanager
def sole_trainer(directory: Path) -> Iterator[None]:
    """Hold the folder of a run, so that two trainers never write the same checkpoints.

    Raises:
        TryAgain: another process holds it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            raise TryAgain(
                f"{directory} is in use by another training process ({file.read().strip() or 'unknown'}); wait for it."
            ) from None
        file.truncate(0)
        file.write(f"pid {os.getpid()}")
        file.flush()
        yield


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
