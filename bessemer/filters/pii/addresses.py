"""Public IP addresses, which can be those of a person's connection."""

import ipaddress
from collections.abc import Iterator

import regex

from bessemer.filters.pii.kinds import Pii, Span

HINT = r"(?:[0-9]{1,3}\.){3}[0-9]|:[0-9A-Fa-f]{0,4}:"
"""RE2: a text without it has no IP address."""

_IPV4 = regex.compile(r"(?<![\w.\-])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w\-]|\.[0-9])")
_IPV6 = regex.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}+(?![\w:])")

_LARGEST_VERSION_PART = 63
"""Four numbers this small are read as a version or a section (3.8.10.2); 1 in 256 random IPv4 addresses is so too."""

_NUMBERED = regex.compile(
    r"(?:\b(?:v|ver|version|release|build|rev|revision|firmware|driver|update|section|sec|clause|article|rule|table|"
    r"figure|oid)|§{1,2})[ .:#=]{0,2}\Z",
    regex.IGNORECASE,
)
_BEFORE = 12
"""Characters that the longest of these words and what follows it take."""


def find_addresses(text: str) -> Iterator[Span]:
    """Globally routable addresses, IPv4 and then IPv6."""
    for match in _IPV4.finditer(text):
        before = max(0, match.start() - _BEFORE)
        if _is_public_host(match[0]) and not _NUMBERED.search(text, before, match.start()):
            yield Span(match.start(), match.end(), Pii.IP)
    for match in _IPV6.finditer(text):
        if _is_public_v6(match[0]):
            yield Span(match.start(), match.end(), Pii.IP)


def _is_public_host(text: str) -> bool:
    """A globally routable IPv4 address of a host, and no version number in disguise.

    What ends in 0 is a network (193.102.180.0/24) or a version (Chrome/120.0.0.0): nobody's machine.
    """
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        return False
    packed = address.packed
    public = address.is_global and not address.is_multicast
    return public and max(packed) > _LARGEST_VERSION_PART and packed[3] != 0


def _is_public_v6(text: str) -> bool:
    """Global unicast (2000::/3, RFC 4291) with three groups or more written out: ``::`` is an operator elsewhere."""
    if sum(bool(part) for part in text.split(":")) < 3:
        return False
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return address.is_global and address.packed[0] >> 5 == 1
