"""Private keys in text armour: PEM (RFC 7468), OpenSSH, SSH2 (RFC 4716) and OpenPGP (RFC 9580)."""

from collections.abc import Iterator

import regex

from bessemer.filters.pii.kinds import Pii, Span

HINT = r"BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY"
"""RE2: a text without it has no private key."""

_BEGIN = regex.compile(r"(-----|---- )BEGIN ((?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?)(?:-----| ----)")
_LONGEST_BLOCK = 200_000
"""Characters: RSA of 16,384 bits takes 13,000; an OpenPGP key can hold pictures."""

_SECRET = regex.compile(r"[A-Za-z0-9+/=]{40}")
"""The shortest secret in use, Ed25519, takes 64 characters; ``MIIEpAIBAAK...`` in a manual is no key."""

_JOINT = regex.compile(r"(?:\\r|\\n|[\s>|*#\"'+,])+")
"""What stands between the lines of a block: line ends, also escaped, quotation marks, comment signs."""

_LINES = regex.compile(r"(?:(?:\\r|\\n|[\s>|*#\"'])+[A-Za-z0-9+/]{40,}={0,2}){2,}+")


def find_keys(text: str) -> Iterator[Span]:
    """Private keys, by position, each with its first and last line; of one without a last line what looks like a key.

    Public keys and certificates are no secrets. A block without a secret in it, as manuals show, is none either.
    """
    at = 0
    while begin := _BEGIN.search(text, at):
        at = begin.end()
        end = text.find(f"{begin[1]}END {begin[2]}{begin[1][::-1]}", at, at + _LONGEST_BLOCK)
        another = _BEGIN.search(text, at, end) if end >= 0 else None
        if end >= 0 and another is None:
            if _SECRET.search(_JOINT.sub("", text[at:end])):
                at = end + len(f"{begin[1]}END {begin[2]}{begin[1]}")
                yield Span(begin.start(), at, Pii.KEY)
        elif rest := _LINES.match(text, at):
            at = rest.end()
            yield Span(begin.start(), at, Pii.KEY)
