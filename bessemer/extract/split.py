"""Long texts cut into documents of about equal size, at the best place that there is."""

import re
from collections.abc import Iterator

_BOUNDARIES = (
    re.compile(r"\n[ \t]*(?:\n[ \t]*)+"),  # end of a paragraph
    re.compile(r"\n"),
    re.compile(r"(?:[.!?…][\"'”’)\]]*\s+)|[。！？]"),  # end of a sentence
    re.compile(r"\s+"),
)


def split_text(text: str, limit: int) -> list[str]:
    """Cut ``text`` into parts of at most ``limit`` UTF-8 bytes whose concatenation is ``text``.

    The number of parts is as small as the limit asks for and they are about equally long. A cut comes after the end of
    a paragraph where one lies within the reach of the part, else after a line, a sentence or white space, and only as a
    last resort between two characters.

    Args:
        text: any text.
        limit: UTF-8 bytes of a part, at least 4.
    """
    size = len(text) if text.isascii() else len(text.encode())
    if size <= limit:
        return [text]
    return list(_parts(text, size, limit))


def _parts(text: str, left: int, limit: int) -> Iterator[str]:
    start = 0
    while left > limit:
        target = left / -(-left // limit)
        reach = _reach(text, start, limit)
        cut = _best_cut(text, start, reach, target / limit)
        part = text[start:cut]
        yield part
        left -= len(part.encode())
        start = cut
    yield text[start:]


def _reach(text: str, start: int, limit: int) -> int:
    """Index of the first character that does not fit into ``limit`` bytes from ``start``."""
    window = text[start : start + limit].encode()
    return start + len(window[:limit].decode("utf-8", "ignore"))


def _best_cut(text: str, start: int, reach: int, share: float) -> int:
    """The boundary nearest to ``share`` of the way from ``start`` to ``reach``, of the best kind there."""
    wanted = start + (reach - start) * share
    lowest = start + (reach - start) // 4
    for boundary in _BOUNDARIES:
        ends = [match.end() for match in boundary.finditer(text, start, reach) if lowest < match.end() <= reach]
        if ends:
            return min(ends, key=lambda end: (abs(end - wanted), end))
    return reach
