"""Where compiled kernels lie on disk: in a folder named after all that they were made from.

numba's own cache looks at the file of a kernel only, so an edit in a module that the kernel calls would go unnoticed.
Here every edit, in any module beside a kernel, names another folder.
"""

import contextlib
import functools
import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import llvmlite.binding
import numba
import numpy as np
import xxhash

ENVIRONMENT = "BESSEMER_KERNEL_CACHE"
KEPT = 4
"""Folders that stay: this one and those of the checkouts and environments used last."""
_PACKAGE = Path(__file__).resolve().parent.parent
_MARK = b"bessemer.text.compiled import kernel"
_NAME = re.compile(r"[0-9a-f]{32}")


@functools.cache
def kernel_folder() -> Path | None:
    """The folder of this code, library versions and processor, made if need be; older ones are removed.

    Returns:
        ``<base>/<digest>``, or None where nothing can be written: kernels are compiled anew in each process then.
    """
    base = base_folder()
    if base is None:
        return None
    folder = base / sources_digest(kernel_sources(_PACKAGE), _PACKAGE)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
        os.utime(folder)
    except OSError:
        return None
    with contextlib.suppress(OSError):  # another process may be at it
        remove_old(base, KEPT)
    return folder


def base_folder() -> Path | None:
    """``$BESSEMER_KERNEL_CACHE``, else ``$XDG_CACHE_HOME/bessemer/kernels``, else ``~/.cache/bessemer/kernels``."""
    if chosen := os.environ.get(ENVIRONMENT):
        return Path(chosen).absolute()
    if caches := os.environ.get("XDG_CACHE_HOME"):
        return Path(caches).absolute() / "bessemer" / "kernels"
    try:
        return Path.home() / ".cache" / "bessemer" / "kernels"
    except RuntimeError:  # a user without a home
        return None


def kernel_sources(package: Path) -> list[Path]:
    """All modules of the folders under ``package`` that have a kernel in one of their files, sorted.

    What a kernel calls, and each constant that is frozen into it, is in one of these folders.
    """
    folders = {path.parent for path in package.rglob("*.py") if _MARK in path.read_bytes()}
    return sorted(path for folder in folders for path in folder.glob("*.py"))


def sources_digest(sources: Iterable[Path], package: Path) -> str:
    """xxh3-128, in hex, of the sources, the versions of numba, llvmlite and numpy, and the name of the processor."""
    digest = xxhash.xxh3_128()
    for path in sources:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(package).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    processor = llvmlite.binding.get_host_cpu_name()
    digest.update("\0".join([numba.__version__, llvmlite.__version__, np.__version__, processor]).encode())
    return digest.hexdigest()


def remove_old(base: Path, kept: int) -> None:
    """Remove all but the folders used last. A process that still uses a removed one compiles again."""
    folders = [path for path in base.iterdir() if _NAME.fullmatch(path.name) and path.is_dir()]
    if len(folders) > kept:
        folders.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for path in folders[kept:]:
            shutil.rmtree(path, ignore_errors=True)
