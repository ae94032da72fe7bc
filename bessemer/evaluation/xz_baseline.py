"""What a general compressor makes of the same bytes: a floor of understanding that every language model should pass."""

import lzma
from collections.abc import Iterable


def xz_bits_per_byte(texts: Iterable[str]) -> float:
    """Bits per byte of ``xz -9e`` on the texts, one after another in one stream, container included."""
    data = "".join(texts).encode()
    compressed = lzma.compress(data, format=lzma.FORMAT_XZ, preset=9 | lzma.PRESET_EXTREME)
    return 8 * len(compressed) / len(data) if data else float("nan")
