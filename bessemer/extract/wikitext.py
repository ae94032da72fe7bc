"""Wikitext to plain text: links as their labels; templates, references, tables, files and categories left out.

Which elements are left out is the choice of the Wikipedia data set of the Hugging Face Hub (``wikimedia/wikipedia``).
"""

import re
from collections import Counter
from typing import Any

MAX_WIKITEXT_BYTES = 2 << 20
"""Default of MediaWiki's ``$wgMaxArticleSize``: longer pages cannot be saved."""

_MAX_OPEN = 40
"""Elements that may be open at once. The parser nests no deeper, and its time grows with what nothing closes."""

_MAX_RESCANNED = 4_000_000
"""Elements that nothing closes, times the length of the page: characters that the parser may read in vain."""

_MAX_QUOTES = _MAX_TAGS = _MAX_LISTS = 20_000
_MARKS = re.compile(
    r"(?P<link>\[\[)|(?P<link_end>\]\])|(?P<template>\{\{)|(?P<template_end>\}\})|(?P<table>\{\|)|(?P<table_end>\|\})"
    r"|(?P<comment><!--)|(?P<comment_end>-->)|(?P<tag_end></|/>)|(?P<tag><(?!(?:br|hr|li|dd|dt|p|wbr)\b)[a-zA-Z])"
    r"|(?P<address>\[(?=[a-z]{2,10}:|//))|(?P<address_end>\])",
    re.IGNORECASE,
)
_QUOTES = re.compile(r"''+")
_LISTS = re.compile(r"[:;]")
_BLANKS = re.compile(r"\n{3,}")
_LEFT_OUT = {"ref", "table", "gallery", "timeline", "math", "score", "style", "script"}


class NotWikitext(Exception):
    """The page cannot be made text of."""


def wikitext_to_text(wikitext: str, namespaces: frozenset[str]) -> str:
    """The text that a reader of the page sees, without formatting.

    Args:
        wikitext: source of the page.
        namespaces: names, in lower case, of the namespaces whose links are no text (files and categories).

    Raises:
        NotWikitext: brackets or tags that nothing closes make parsing it too slow, or the parser fails.
    """
    _require_parsable(wikitext)
    import mwparserfromhell

    try:
        code = mwparserfromhell.parse(wikitext)
        for node in code.filter(recursive=True):
            _empty_if_left_out(node, namespaces)
        text: str = code.strip_code(normalize=True, collapse=True)
    except Exception as error:
        raise NotWikitext(f"mwparserfromhell: {type(error).__name__}: {error}") from error
    return _BLANKS.sub("\n\n", text).strip()


def _empty_if_left_out(node: Any, namespaces: frozenset[str]) -> None:
    kind = type(node).__name__
    if kind == "Wikilink":
        prefix, colon, _ = str(node.title).partition(":")
        if colon and prefix.strip().lower() in namespaces:
            node.text = ""
    elif kind == "Tag" and str(node.tag).strip().lower() in _LEFT_OUT:
        node.contents = ""


def _require_parsable(wikitext: str) -> None:
    """Refuse what only an attacker or a very broken page has: elements by the dozen that nothing closes."""
    open_elements: Counter[str] = Counter()
    depth = tags = 0
    for found in _MARKS.finditer(wikitext):
        name = found.lastgroup or ""
        kind = name.removesuffix("_end")
        tags += name == "tag"
        if name == kind:
            open_elements[kind] += 1
            depth += 1
        elif open_elements[kind]:
            open_elements[kind] -= 1
            depth -= 1
        if depth > _MAX_OPEN:
            raise NotWikitext(f"more than {_MAX_OPEN} brackets or tags are open at once")
    if depth * len(wikitext) > _MAX_RESCANNED:
        raise NotWikitext(f"{depth} brackets or tags that nothing closes on a page of {len(wikitext):,} characters")
    if tags > _MAX_TAGS or len(_QUOTES.findall(wikitext)) > _MAX_QUOTES:
        raise NotWikitext(f"more than {_MAX_TAGS:,} tags or quotation marks of formatting")
    if sum(len(_LISTS.findall(line)) for line in wikitext.split("\n") if line.startswith((":", ";"))) > _MAX_LISTS:
        raise NotWikitext(f"more than {_MAX_LISTS:,} marks of lists")
