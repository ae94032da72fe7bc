"""Tar archives, plain or compressed: members are read as they come, and nothing is extracted.

Blocks are framed here, so that a damaged header is never taken for the end of the archive; a block's fields are read by
Python's ``tarfile`` (POSIX.1-2001, pax).
"""

import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

from bessemer.readers.damage import Damaged
from bessemer.readers.members import Allowance, Member
from bessemer.readers.records import Item, Limits, Reason, Skip, Skipped, Unreadable
from bessemer.readers.streams import ByteStream

_BLOCK = 512
_EXTENSION_BYTES = 1 << 20
_FILES = {tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE}
_WITHOUT_DATA = {tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE}
_PAX = {tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE}
_EXTENSIONS = {*_PAX, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK}
_SHOWN_NAME = 1000

ReadMember = Callable[[Member, str], Iterator[Item]]
"""Reads a member; the second argument is its place in the source."""


def read_tar(path: Path, locator: str, limits: Limits, read: ReadMember) -> Iterator[Item]:
    """Records of all files in a tar archive.

    Args:
        path: the archive.
        locator: its place in the source; a member's is ``<locator>!<number from 1>/<its name>``.
        limits: bound what the members, all together, expand to.
        read: reads a member.
    """
    number = 0
    with ByteStream(path, limits) as stream:
        if stream.empty:
            yield Unreadable(f"{locator}!1", Reason.EMPTY_FILE, "the file holds no bytes", ends_file=True)
            return
        blocks = _Blocks(stream)
        allowance = Allowance("an archive", path.stat().st_size, limits)
        try:
            for info in blocks.headers():
                if info.type == tarfile.DIRTYPE:
                    continue
                number += 1
                place = member_place(locator, number, info.name)
                said = False
                for item in _items(info, Member(info.name, blocks, allowance), place, read):
                    said = said or (isinstance(item, Unreadable) and item.ends_file)
                    yield item
                if said and (blocks.damaged or allowance.spent):
                    return
        except Damaged as damage:
            place = f"{locator}!{number + 1}"
            yield Unreadable(place, damage.reason, damage.detail, ends_file=True)
            return
    if number == 0:
        yield Unreadable(f"{locator}!1", Reason.EMPTY_FILE, "the archive holds no file", ends_file=True)


def member_place(locator: str, number: int, name: str) -> str:
    """The place of a member; the number makes it unique, as names in archives may repeat."""
    return f"{locator}!{number}/{name.encode('utf-8', 'replace').decode()[-_SHOWN_NAME:]}"


def _items(info: tarfile.TarInfo, member: Member, place: str, read: ReadMember) -> Iterator[Item]:
    if info.type == tarfile.GNUTYPE_SPARSE or any(name.startswith("GNU.sparse.") for name in info.pax_headers):
        detail = "a sparse file in a tar archive; pack it without --sparse"
        yield Unreadable(place, Reason.UNSUPPORTED, detail, info.size)
    elif info.type in _FILES:
        yield from read(member, place)
    else:
        yield Skipped(Skip.ARCHIVE_OTHER)


class _Blocks:
    """Headers of an archive, one after the other, and between them the bytes of the member that the last one names.

    Attributes:
        damaged: the archive cannot be read on; who asked for bytes was told.
    """

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._buffer = b""
        self._left = self._padding = 0
        self.damaged = False

    def headers(self) -> Iterator[tarfile.TarInfo]:
        """Members. What is left of one is passed over when the next is asked for.

        Raises:
            Damaged: the archive ends before its end mark does, or a header is no header.
        """
        ended = False
        while block := self._take_block(ended):
            if not block.strip(b"\0"):
                ended = True
                continue
            ended = False
            info = self._with_extensions(_parse(block))
            stored = 0 if info.type in _WITHOUT_DATA else info.size
            if info.type == tarfile.GNUTYPE_SPARSE:
                self._pass_sparse_map(block)
            self._left, self._padding = stored, -stored % _BLOCK
            yield info
            while self.read(1 << 20):
                pass
            self._exactly(self._padding)

    def read(self, size: int, /) -> bytes:
        """Bytes of the member: at most ``size``; empty at its end."""
        wanted = min(size, self._left)
        if wanted == 0:
            return b""
        if not self._fill():
            raise self._broken(Reason.TRUNCATED, f"the archive ends {self._left:,} bytes before its member does")
        data, self._buffer = self._buffer[:wanted], self._buffer[wanted:]
        self._left -= len(data)
        return data

    def _with_extensions(self, info: tarfile.TarInfo) -> tarfile.TarInfo:
        """The member that one or several extension headers describe, with what they say of it."""
        name: str | None = None
        fields: dict[str, str] = {}
        while info.type in _EXTENSIONS:
            if info.size > _EXTENSION_BYTES:
                raise self._broken(Reason.TOO_LARGE, f"a tar header of {info.size:,} bytes")
            data = self._exactly(info.size)
            self._exactly(-info.size % _BLOCK)
            if info.type == tarfile.GNUTYPE_LONGNAME:
                name = data.rstrip(b"\0").decode("utf-8", "replace")
            elif info.type in _PAX:
                fields |= _pax_fields(data)
            info = _parse(self._exactly(_BLOCK))
        info.name = fields.get("path", name or info.name)
        info.pax_headers = fields
        if "size" in fields:
            info.size = int(fields["size"]) if fields["size"].isdecimal() else -1
        if info.size < 0:
            raise self._broken(Reason.CORRUPT, "a tar header with a size below zero")
        return info

    def _pass_sparse_map(self, block: bytes) -> None:
        more = block[482]
        while more:
            more = self._exactly(_BLOCK)[504]

    def _take_block(self, ended: bool) -> bytes:
        """The next block; empty after the end of the archive."""
        if self._fill():
            return self._exactly(_BLOCK)
        if not ended:
            raise self._broken(Reason.TRUNCATED, "the file ends before the end mark of the tar archive")
        return b""

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            if not self._fill():
                raise self._broken(Reason.TRUNCATED, "the file ends inside a tar header or its padding")
            wanted = size - len(data)
            data, self._buffer = data + self._buffer[:wanted], self._buffer[wanted:]
        return data

    def _fill(self) -> bool:
        try:
            self._buffer = self._buffer or self._stream.read()
        except Damaged:
            self.damaged = True
            raise
        return bool(self._buffer)

    def _broken(self, reason: Reason, detail: str) -> Damaged:
        self.damaged = True
        return Damaged(reason, detail)


def _parse(block: bytes) -> tarfile.TarInfo:
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError, OverflowError) as error:
        raise Damaged(Reason.CORRUPT, f"no tar header where one should be ({error})") from None


def _pax_fields(data: bytes) -> dict[str, str]:
    """Fields of a pax header: lines of a length, a name and a value."""
    fields: dict[str, str] = {}
    position = 0
    while position < len(data) and data[position]:
        length, _, _ = data[position : position + 20].partition(b" ")
        end = position + int(length) if length.isdigit() else position
        if end <= position + len(length) + 1:
            raise Damaged(Reason.CORRUPT, "a pax header that is none")
        name, _, value = data[position + len(length) + 1 : end - 1].partition(b"=")
        fields[name.decode("utf-8", "replace")] = value.decode("utf-8", "replace")
        position = end
    return fields
