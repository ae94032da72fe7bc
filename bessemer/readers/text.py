"""Plain text files: one record a file, or several, cut at paragraph ends, when it is larger than a record may be."""

import codecs
from collections.abc import Iterator

from bessemer.extract.charset import decode, detect
from bessemer.readers.damage import Damaged
from bessemer.readers.members import Readable
from bessemer.readers.records import EXCERPT_BYTES, Item, Limits, Reason, Record, Unreadable
from bessemer.readers.streams import ByteStream


def read_text(path: Readable, locator: str, limits: Limits) -> Iterator[Item]:
    """Records of a plain text file, plain or compressed; its charset is detected.

    Args:
        path: the file.
        locator: its place in the source, which is the record's locator; of a file that is larger than
            ``limits.record_bytes`` the records are ``<locator>:<number from 1>``.
        limits: bound a record. A line that is longer, its break included, is quarantined; the lines around it are not.
    """
    with ByteStream(path, limits) as stream:
        head, damage = _read_up_to(stream, limits.record_bytes)
        if not head:
            if damage is None:
                yield Unreadable(locator, Reason.EMPTY_FILE, "the file holds no bytes", ends_file=True)
            else:
                yield Unreadable(locator, damage.reason, damage.detail, ends_file=True)
            return
        if damage is None and len(head) <= limits.record_bytes:
            yield _whole(head, locator, limits)
            return
        yield from _chunks(head, stream, damage, locator, limits)


def _whole(data: bytes, locator: str, limits: Limits) -> Item:
    decoded = decode(data)
    if decoded.undecodable > limits.undecodable:
        detail = f"{decoded.undecodable:.2%} of the characters are not in {decoded.charset}"
        return Unreadable(locator, Reason.ENCODING, detail, len(data), data[:EXCERPT_BYTES])
    return Record(locator, len(data), text=decoded.text, charset=decoded.charset, whole_file=True)


def _chunks(head: bytes, stream: ByteStream, damage: Damaged | None, locator: str, limits: Limits) -> Iterator[Item]:
    charset = detect(head)
    decoder = codecs.getincrementaldecoder(charset)("replace")
    waiting, number, piece = "", 0, head
    while piece:
        waiting += decoder.decode(piece)
        while len(waiting) >= limits.record_bytes:
            cut = _cut(waiting, limits.record_bytes)
            number += 1
            if cut:
                yield _chunk(waiting[:cut], charset, f"{locator}:{number}", limits)
                waiting = waiting[cut:]
            else:
                line, newline, waiting = waiting.partition("\n")
                yield _unbroken(line, f"{locator}:{number}", limits)
                if not newline and damage is None:
                    waiting = _pass_over_line(stream, decoder)
        if damage is not None:
            break
        piece, damage = _read_up_to(stream, limits.record_bytes)
    if damage is None:
        waiting += decoder.decode(b"", final=True)
    if waiting:
        number += 1
        yield _chunk(waiting, charset, f"{locator}:{number}", limits)
    if damage is not None:
        yield Unreadable(f"{locator}:{number + 1}", damage.reason, damage.detail, ends_file=True)


def _chunk(text: str, charset: str, locator: str, limits: Limits) -> Item:
    text = text.removeprefix("\ufeff")
    raw = text.encode("utf-8", "surrogatepass")
    undecodable = text.count("\ufffd") / len(text) if text else 0.0
    if undecodable > limits.undecodable:
        detail = f"{undecodable:.2%} of the characters are not in {charset}"
        return Unreadable(locator, Reason.ENCODING, detail, len(raw), raw[:EXCERPT_BYTES])
    return Record(locator, len(raw), text=text, charset=charset, whole_file=True)


def _unbroken(text: str, locator: str, limits: Limits) -> Unreadable:
    detail = f"a line of more than {limits.record_bytes:,} characters, over ingest.max_record_bytes"
    return Unreadable(locator, Reason.TOO_LARGE, detail, len(text), text[:EXCERPT_BYTES].encode()[:EXCERPT_BYTES])


def _cut(text: str, limit: int) -> int:
    """Where the first record ends: after the last paragraph, else the last line, that ends within ``limit``; else 0."""
    for boundary in ("\n\n", "\n"):
        found = text.rfind(boundary, 0, limit)
        if found >= 0:
            return found + len(boundary)
    return 0


def _pass_over_line(stream: ByteStream, decoder: codecs.IncrementalDecoder) -> str:
    """Read on to the end of the line without holding it; what follows the newline. Damage shows at the next read."""
    while True:
        try:
            piece = stream.read()
        except Damaged:
            return ""
        if not piece:
            return ""
        _, newline, rest = decoder.decode(piece).partition("\n")
        if newline:
            return rest


def _read_up_to(stream: ByteStream, size: int) -> tuple[bytes, Damaged | None]:
    """Bytes until more than ``size`` are there or the file ends, and the damage that ended it, if any."""
    pieces: list[bytes] = []
    held = 0
    try:
        while held <= size and (piece := stream.read()):
            pieces.append(piece)
            held += len(piece)
    except Damaged as damage:
        return b"".join(pieces), damage
    return b"".join(pieces), None
