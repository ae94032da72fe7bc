"""HTML files: one page a file."""

from collections.abc import Iterator

from bessemer.readers.damage import Damaged
from bessemer.readers.members import Readable
from bessemer.readers.records import EXCERPT_BYTES, Item, Limits, Reason, Record, Unreadable
from bessemer.readers.streams import ByteStream


def read_html(path: Readable, locator: str, limits: Limits) -> Iterator[Item]:
    """The page in an HTML file, plain or compressed.

    Args:
        path: the file.
        locator: its place in the source, which is the record's locator.
        limits: a larger page is quarantined.
    """
    pieces: list[bytes] = []
    size = 0
    with ByteStream(path, limits) as stream:
        try:
            while size <= limits.record_bytes and (piece := stream.read()):
                pieces.append(piece)
                size += len(piece)
        except Damaged as damage:
            yield Unreadable(locator, damage.reason, damage.detail, size, _excerpt(pieces), ends_file=True)
            return
    if size == 0:
        yield Unreadable(locator, Reason.EMPTY_FILE, "the file holds no bytes", ends_file=True)
    elif size > limits.record_bytes:
        detail = f"a page of more than {limits.record_bytes:,} bytes, over ingest.max_record_bytes"
        yield Unreadable(locator, Reason.TOO_LARGE, detail, size, _excerpt(pieces))
    else:
        yield Record(locator, size, html=b"".join(pieces))


def _excerpt(pieces: list[bytes]) -> bytes:
    return pieces[0][:EXCERPT_BYTES] if pieces else b""
