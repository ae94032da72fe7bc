"""Sources that lie elsewhere: files at an address (S3, GCS, HTTP, … by fsspec) are listed, pinned, and fetched.

A pin is the size of a file and what its store calls the version of its content. Where a store names none, the file is
fetched once to pin its digest.
"""

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from bessemer.errors import BessemerError, ConfigError, DataError, TryAgain
from bessemer.shards import file_digest

_WILDCARDS = "*?["
_VERSIONS = ("ETag", "etag", "md5Hash", "Content-MD5", "content_md5", "checksum", "Digest", "generation")
"""What stores call the version of a file's content. A time is none: it may stay as it is when the content changes."""
_REFRESH = "run `bessemer sources lock --refresh`"
_TRIES = 3
_FIRST_PAUSE_S = 1.0
_EXTRAS = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "az": "adlfs"}

Options = Mapping[str, str | int | float | bool]


@dataclass(frozen=True)
class Remote:
    """A file of a store: its path below the base of its source, its size, and the version of its content if told."""

    path: str
    size: int
    version: str | None


def is_address(path: str) -> bool:
    """Whether the path of a source is an address rather than a place on this machine."""
    return "://" in path


def list_files(address: str, options: Options) -> tuple[str, list[Remote]]:
    """The files that an address gives: a file, a folder with its subfolders, or a glob pattern.

    Args:
        address: with the protocol in front.
        options: of the file system.

    Returns:
        The address of the folder that the files are named below, and the files, sorted.

    Raises:
        ConfigError: the protocol is unknown, or needs a package that is not installed.
        DataError: the store cannot be reached, or gives no answer to go by.
    """
    with _explained(address):
        system, path = _open(address, options)
        wild = any(character in path for character in _WILDCARDS) and not system.exists(path)
        base = path.rstrip("/")
        if wild:
            fixed = path[: min(path.index(character) for character in _WILDCARDS if character in path)]
            base, found = fixed.rpartition("/")[0], system.glob(path, detail=True)
        elif system.isfile(path) and not path.endswith("/"):
            base, found = path.rpartition("/")[0], {path: system.info(path)}
        else:
            found = system.find(path, detail=True)
            if not found and not system.exists(path):
                raise FileNotFoundError(address)
        files = []
        for name in sorted(found):
            info = found[name]
            if info["type"] == "file":  # a listing over HTTP tells no size; one of an object store tells everything
                info = system.info(name) if info.get("size") is None else info
                files.append(Remote(name.removeprefix(base).lstrip("/"), _size(name, info), _version(info)))
        return str(system.unstrip_protocol(base)), files


@contextmanager
def fetched(base: str, file: Remote, options: Options, folder: Path) -> Iterator[Path]:
    """A file of a store as a local one, until it has been read.

    Args:
        base: address of the folder that the file is named below.
        file: as pinned.
        options: of the file system.
        folder: on a disk that has room for it.

    Raises:
        DataError: it is not there any more, or not the one that was pinned.
        TryAgain: it cannot be fetched now.
    """
    address = f"{base}/{file.path}"
    with tempfile.TemporaryDirectory(prefix="fetched-", dir=folder) as place:
        path = Path(place, f"file{PurePosixPath(file.path).suffix}")
        for attempt in range(_TRIES):
            try:
                with _explained(address):
                    system, name = _open(address, options)
                    _require_same(address, system.info(name), file)
                    system.get_file(name, str(path))
                    _require_same(address, system.info(name), file)
                break
            except DataError as error:
                if error.__cause__ is None:
                    raise
                if attempt == _TRIES - 1:
                    if isinstance(error.__cause__, FileNotFoundError):  # at first it may stand for any failure
                        raise
                    raise TryAgain(str(error)) from None
                time.sleep(_FIRST_PAUSE_S * 4**attempt)
        if path.stat().st_size != file.size:
            raise TryAgain(f"{address} came with {path.stat().st_size:,} bytes instead of {file.size:,}; run it again.")
        yield path


def digest_of(base: str, file: Remote, options: Options) -> str:
    """xxh3-128 of a file, in hex, which is fetched for it."""
    with tempfile.TemporaryDirectory() as folder, fetched(base, file, options, Path(folder)) as path:
        return file_digest(path)


def _open(address: str, options: Options) -> tuple[Any, str]:
    from fsspec.core import url_to_fs  # reading local files needs none of it

    system, path = url_to_fs(address, **options)
    system.invalidate_cache()
    return system, str(path)


def _require_same(address: str, info: Mapping[str, Any], file: Remote) -> None:
    if _size(address, info) != file.size or (file.version is not None and _version(info) != file.version):
        raise DataError(f"{address} is not the file that sources.lock.yaml pins; {_REFRESH}.")


def _size(address: str, info: Mapping[str, Any]) -> int:
    if info.get("size") is None:
        raise DataError(f"{address} is of a store that tells no size, so it cannot be pinned; bring it to disk.")
    return int(info["size"])


def _version(info: Mapping[str, Any]) -> str | None:
    """What tells this content from another; a listing may have it without the quotes that HTTP puts around an etag."""
    return next((f"{name} {str(info[name]).strip(chr(34))}" for name in _VERSIONS if info.get(name)), None)


@contextmanager
def _explained(address: str) -> Iterator[None]:
    """Whatever a file system raises, as one sentence."""
    protocol = address.partition("://")[0]
    try:
        yield
    except BessemerError:
        raise
    except ImportError:
        package = _EXTRAS.get(protocol, "the package that fsspec names for it")
        raise ConfigError(f"{address}: reading {protocol}:// needs {package}; install it.") from None
    except FileNotFoundError as error:
        raise DataError(f"{address} is not there; correct the address or remove the source.") from error
    except Exception as error:
        if isinstance(error, ValueError) and "rotocol not known" in str(error):
            raise ConfigError(f"{address}: fsspec knows no protocol {protocol}://; correct the address.") from None
        first = next(iter(str(error).splitlines()), "")[:300]
        raise DataError(
            f"{address} cannot be read ({type(error).__name__}: {first}); check address, network and credentials."
        ) from error
