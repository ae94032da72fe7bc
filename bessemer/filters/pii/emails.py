"""E-mail addresses, except those that belong to nobody."""

from collections.abc import Iterator

import regex

from bessemer.filters.pii.kinds import Pii, Span

HINT = r"[A-Za-z0-9_+\-]@[A-Za-z0-9]"
"""RE2: a text without it has no e-mail address."""

_EMAIL = regex.compile(
    r"(?<![A-Za-z0-9._%+\-])[A-Za-z0-9](?:[A-Za-z0-9._%+\-]{0,62}[A-Za-z0-9_+\-])?@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}(?![A-Za-z0-9\-])"
)

_RESERVED_DOMAINS = (".example", ".invalid", ".localhost", ".test", ".example.com", ".example.net", ".example.org")
"""Domains that belong to nobody (RFC 2606, RFC 6761): an address there is a sample, not a person."""

_FILES = (".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".avif", ".css", ".js", ".json", ".html", ".xml", ".tgz")
"""Suffixes of files that are no top-level domains: ``logo@2x.png`` is an image for fine screens."""

_PACKAGE_VERSION = regex.compile(r"\.[0-9]+\.[0-9]+\.")
"""``name@1.4.0-rc.beta`` is a release of a package."""


def find_emails(text: str) -> Iterator[Span]:
    """E-mail addresses, by position.

    Left out are domains reserved for examples, names of files and of releases, and ``git@host``, which is a login that
    everybody shares.
    """
    for match in _EMAIL.finditer(text):
        local, _, host = match[0].rpartition("@")
        domain = "." + host.lower()
        if domain.endswith((*_RESERVED_DOMAINS, *_FILES)) or _PACKAGE_VERSION.match(domain) or local == "git":
            continue
        yield Span(match.start(), match.end(), Pii.EMAIL)
