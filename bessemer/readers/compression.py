"""Kinds of compression: magic numbers, suffixes, and the decoders of bzip2 and xz, bounded in memory."""

import bz2
import lzma
from typing import Any

GZIP = b"\x1f\x8b\x08"
_ZSTD = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE = tuple(bytes([0x50 + i, 0x2A, 0x4D, 0x18]) for i in range(16))
_BZIP2 = tuple(b"BZh%d" % level + block for level in range(1, 10) for block in (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90"))
XZ = b"\xfd7zXZ\x00"
HEAD_BYTES = 10
"""Bytes that tell the compression of a file."""

SUFFIXES = {
    ".gz": "gzip",
    ".tgz": "gzip",
    ".zst": "zstd",
    ".tzst": "zstd",
    ".bz2": "bzip2",
    ".tbz": "bzip2",
    ".tbz2": "bzip2",
    ".xz": "xz",
    ".txz": "xz",
}
_XZ_MEMORY = 1 << 28
"""Most that an xz decoder may take: a quarter of a gigabyte; ``xz -9`` needs 65 MiB."""


def codec_of(head: bytes) -> str:
    """The compression that the first bytes of a file show: gzip, zstd, bzip2, xz, or plain."""
    if head.startswith(GZIP):
        return "gzip"
    if head.startswith((_ZSTD, *_ZSTD_SKIPPABLE)):
        return "zstd"
    if head.startswith(_BZIP2):
        return "bzip2"
    return "xz" if head.startswith(XZ) else "plain"


def block_decoder(codec: str) -> Any:
    """A decoder of one bzip2 or xz stream, whose ``decompress`` takes the largest size of its answer."""
    if codec == "bzip2":
        return bz2.BZ2Decompressor()
    return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)


def begins_stream(codec: str, data: bytes) -> bool:
    """Whether ``data``, which may be cut anywhere, can be the start of another stream of the same file."""
    starts = _BZIP2 if codec == "bzip2" else (XZ,)
    return any(data.startswith(start) or start.startswith(data) for start in starts)
