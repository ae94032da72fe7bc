"""Files that real crawls contain and readers die of, each made small and by name."""

import gzip
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from bessemer.readers.records import Limits

LIMITS = Limits(record_bytes=100_000, expansion=50.0, undecodable=0.001)


def json_lines(count: int) -> bytes:
    """``count`` valid records whose text is long and different enough not to compress absurdly."""
    return b"".join(json.dumps({"text": f"record {n} " + str(n**40)}).encode() + b"\n" for n in range(1, count + 1))


def truncated_gzip(path: Path, content: bytes) -> Path:
    """A gzip file whose last quarter is missing."""
    data = gzip.compress(content, mtime=0)
    path.write_bytes(data[: len(data) * 3 // 4])
    return path


def corrupt_gzip(path: Path, content: bytes) -> Path:
    """A gzip file with zeros in its middle."""
    data = bytearray(gzip.compress(content, mtime=0))
    middle = len(data) // 2
    data[middle : middle + 16] = bytes(16)
    path.write_bytes(bytes(data))
    return path


def truncated_zstd(path: Path, content: bytes) -> Path:
    """A zstd file that lacks its last bytes."""
    path.write_bytes(zstandard.ZstdCompressor().compress(content)[:-5])
    return path


def gzip_bomb(path: Path, megabytes: int = 64) -> Path:
    """Zeros, a thousand times smaller on disk."""
    with gzip.GzipFile(path, "wb", mtime=0) as file:
        for _ in range(megabytes):
            file.write(bytes(1_000_000))
    return path


def zstd_bomb(path: Path, megabytes: int = 64) -> Path:
    """Zeros, twenty thousand times smaller on disk."""
    path.write_bytes(zstandard.ZstdCompressor(level=9).compress(bytes(megabytes * 1_000_000)))
    return path


def one_long_line(path: Path, size: int) -> Path:
    """A good record, one line of ``size`` bytes, a good record."""
    with path.open("wb") as file:
        file.write(b'{"text": "before"}\n')
        for _ in range(size // 1_000_000):
            file.write(b"x" * 1_000_000)
        file.write(b'\n{"text": "after"}\n')
    return path


def parquet_without_text(path: Path) -> Path:
    """Columns, but not the one that is wanted."""
    pq.write_table(pa.table({"body": ["a", "b"], "title": ["c", "d"]}), path)
    return path


def parquet_with_invalid_utf8(path: Path) -> Path:
    """Three rows; the second is no UTF-8 although its column says string."""
    column = pa.array([b"good", b"bad \xff\xfe", b"good too"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"text": column, "number": [1, 2, 3]}), path)
    return path


def warc_record(kind: str, uri: str, block: bytes, content_type: str = "application/http; msgtype=response") -> bytes:
    """One WARC record."""
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {uri}\r\nWARC-Date: 2024-01-01T00:00:00Z\r\n"
        f"WARC-Record-ID: <urn:uuid:{uri}>\r\nContent-Type: {content_type}\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


def http_response(body: bytes, status: str = "200 OK", headers: str = "Content-Type: text/html\r\n") -> bytes:
    """An HTTP message."""
    return f"HTTP/1.1 {status}\r\n{headers}\r\n".encode() + body


def page(number: int) -> bytes:
    """A small HTML page with its number in it."""
    return f"<html><body><p>This is page {number} of the archive.</p></body></html>".encode()


def archive(count: int) -> list[bytes]:
    """``count`` response records."""
    return [warc_record("response", f"http://x/{n}", http_response(page(n))) for n in range(1, count + 1)]


def gzip_members(records: list[bytes]) -> list[bytes]:
    """Each record as a gzip member of its own, as crawlers write them."""
    members = []
    for record in records:
        buffer = io.BytesIO()
        with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as file:
            file.write(record)
        members.append(buffer.getvalue())
    return members
