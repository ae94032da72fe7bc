"""Zip archives: members are read one after the other, and nothing is extracted."""

import contextlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from bessemer.readers.damage import Damaged
from bessemer.readers.members import Allowance, Member
from bessemer.readers.records import EXCERPT_BYTES, Item, Limits, Reason, Unreadable
from bessemer.readers.tar import ReadMember, member_place

_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2}
"""Methods that can be unpacked in bounded memory."""
_ENCRYPTED = 0x1


def read_zip(path: Path, locator: str, limits: Limits, read: ReadMember) -> Iterator[Item]:
    """Records of all files in a zip archive.

    Args:
        path: the archive.
        locator: its place in the source; a member's is ``<locator>!<number from 1>/<its name>``.
        limits: ``record_bytes`` bounds the list of members, ``expansion`` what each and all of them expand to.
        read: reads a member.
    """
    size = path.stat().st_size
    if size == 0:
        yield Unreadable(f"{locator}!1", Reason.EMPTY_FILE, "the file holds no bytes", ends_file=True)
        return
    with contextlib.ExitStack() as stack:
        try:
            archive = stack.enter_context(zipfile.ZipFile(stack.enter_context(_Guarded(path, limits.record_bytes))))
        except Damaged as damage:
            yield Unreadable(f"{locator}!1", damage.reason, damage.detail, size, ends_file=True)
            return
        except Exception as error:
            detail = f"not a zip archive, or one that was cut ({error})"
            yield Unreadable(f"{locator}!1", Reason.CORRUPT, detail, size, _head(path), ends_file=True)
            return
        members = [info for info in archive.infolist() if not info.is_dir()]
        allowance = Allowance("an archive", size, limits)
        for number, info in enumerate(members, start=1):
            place = member_place(locator, number, info.filename)
            if problem := _unsupported(info):
                yield Unreadable(place, Reason.UNSUPPORTED, problem, info.compress_size)
                continue
            yield from read(Member(info.filename, _Body(archive, info, limits), allowance), place)
            if allowance.spent and number < len(members):
                detail = "members after those that became more than ingest.max_expansion allows"
                place = f"{locator}!{number + 1}"
                left = len(members) - number
                yield Unreadable(place, Reason.EXPANSION, detail, records=left, ends_file=True)
                return
    if not members:
        yield Unreadable(f"{locator}!1", Reason.EMPTY_FILE, "the archive holds no file", ends_file=True)


def _unsupported(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & _ENCRYPTED:
        return "an encrypted member; unpack the archive"
    if info.compress_type not in _METHODS:
        return f"a member of compression method {info.compress_type}; pack it with deflate"
    return ""


class _Guarded(io.BufferedReader):
    """A file that gives at most ``limit`` bytes at once, so that the list of members is not larger than that."""

    def __init__(self, path: Path, limit: int) -> None:
        super().__init__(io.FileIO(path))
        self._limit = limit

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > self._limit:
            raise Damaged(Reason.TOO_LARGE, f"the list of members has {size:,} bytes, over ingest.max_record_bytes")
        return super().read(size)


class _Body:
    """Bytes of a member. All ways in which zip files are broken end as :class:`Damaged`."""

    def __init__(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, limits: Limits) -> None:
        self._archive, self._info = archive, info
        self._file: IO[bytes] | None = None
        self._allowance = Allowance("a member", info.compress_size, limits)

    def read(self, size: int, /) -> bytes:
        try:
            if self._file is None:
                self._file = self._archive.open(self._info)
            data = self._file.read(size)
        except Exception as error:
            detail = f"a member of the zip archive cannot be read ({error or type(error).__name__})"
            raise Damaged(Reason.CORRUPT, detail) from None
        self._allowance.spend(len(data))
        return data


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(EXCERPT_BYTES)
