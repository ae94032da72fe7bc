"""Texts and bytes that nobody would write, for what must read anything."""

import numpy as np
from hypothesis import strategies as st

from bessemer.text.buffers import TextBuffer

SCRIPTS = (
    "aB9zé ß.’-\n_ñДжΣς\u0345ΐﬃŉİẞἈᾳہٱ"
    "हिन्दी漢字々〇ひカーｶ한글ᄒไทยກາមខ្មမြन١Ⅷ²ﬁ🙂𝒜𐐀𠀀\u0301\u200d\ufeff\u2028\x00\x1c\x85"
)
INVALID = [
    b"\x80",  # a continuation alone
    b"\xc3",  # cut off
    b"\xe2\x82",
    b"\xf0\x9f\x98",
    b"\xc0\x80",  # overlong
    b"\xc1\xbf",
    b"\xe0\x9f\xbf",
    b"\xf0\x8f\xbf\xbf",
    b"\xed\xa0\x80",  # surrogates
    b"\xed\xbf\xbf",
    b"\xf4\x90\x80\x80",  # above U+10FFFF
    b"\xf5\x80\x80\x80",
    b"\xff",
    b"\xfe",
    b"\xe2A",
    b"\xf0\x90A",
]

texts = st.text(alphabet=st.sampled_from(SCRIPTS) | st.characters(exclude_categories=["Cs"]), max_size=60)
hostile_bytes = st.binary(max_size=40) | st.lists(
    st.sampled_from(INVALID) | st.sampled_from(SCRIPTS).map(str.encode), max_size=40
).map(b"".join)


def buffer_of(documents: list[bytes]) -> TextBuffer:
    """A buffer of these bytes, not at its beginning and not to its end."""
    offsets = np.cumsum([3, *map(len, documents)])
    return TextBuffer(np.frombuffer(b"abc" + b"".join(documents) + b"xyz", np.uint8), offsets)


def read(document: bytes) -> str:
    """What bytes mean to all kernels."""
    return document.decode("utf-8", "replace")
