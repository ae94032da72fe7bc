"""Files that a glob pattern gives, also in folders that are links: data sets are often linked into place."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath


def matching_files(folder: Path, pattern: str) -> set[Path]:
    """Files below ``folder`` that match.

    ``**`` stands for the folder itself and every visible one below it, links followed: one that can be reached in
    several ways is read once, without a link if it can be, so links that lead in circles do no harm.
    :meth:`pathlib.Path.glob` follows none before Python 3.13, and then without an end to circles.

    Args:
        folder: where the pattern begins.
        pattern: as of :meth:`pathlib.Path.glob`, relative.
    """
    parts = PurePosixPath(pattern).parts
    if "**" not in parts:
        return {path for path in folder.glob(pattern) if path.is_file()}
    place = parts.index("**")
    starts = [folder] if place == 0 else [path for path in folder.glob("/".join(parts[:place])) if path.is_dir()]
    rest = "/".join(parts[place + 1 :]) or "*"
    return {path for start in starts for below in _folders(start) for path in matching_files(below, rest)}


def _folders(top: Path) -> Iterator[Path]:
    """``top`` and the visible folders below it, each once: those of a tree before those that it links to."""
    waiting, seen = [top], set()
    while waiting:
        for here, names, _ in os.walk(waiting.pop(0)):
            status = Path(here).stat()
            if (status.st_dev, status.st_ino) in seen:
                names.clear()
                continue
            seen.add((status.st_dev, status.st_ino))
            names[:] = sorted(name for name in names if not name.startswith("."))
            waiting.extend(path for name in names if (path := Path(here, name)).is_symlink())
            yield Path(here)
