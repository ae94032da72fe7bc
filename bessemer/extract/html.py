"""HTML pages to plain text, with one of two extractors."""

import re
from collections import Counter
from collections.abc import Callable

from resiliparse.extract.html2text import extract_plain_text

from bessemer.config.ingest import HtmlParams
from bessemer.errors import is_panic
from bessemer.extract.charset import Decoded, decode

_MAX_DEPTH = 2000
"""Resiliparse's time grows with the square of the nesting; browsers stop at 512 (limit of Blink's HTML parser)."""

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)")
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
_TABLE_PARTS = {"tr", "td", "th", "thead", "tbody", "tfoot", "colgroup"}
_IMPLIED_ENDS = {"p", "li", "dt", "dd", "html", "head", "body"}
_CLOSED_BY_THE_PARSER = _VOID | _TABLE_PARTS | _IMPLIED_ENDS


class ExtractionFailed(Exception):
    """The extractor could not make sense of the page, or was spared it."""


class Undecodable(Exception):
    """Too large a fraction of the page's characters is not in its charset."""


def html_to_text(page: bytes, stated_charset: str | None, params: HtmlParams, undecodable: float) -> tuple[str, str]:
    """The page's text and the charset that it was read with.

    Args:
        page: the page as it was sent.
        stated_charset: charset of the HTTP header, if any.
        params: which extractor, and whether it leaves out navigation.
        undecodable: largest allowed fraction of replaced characters.

    Raises:
        Undecodable: more than that could not be decoded.
        ExtractionFailed: the extractor raised an error, or the page is nested absurdly deep.
    """
    decoded = decode_page(page, stated_charset, undecodable)
    return text_of_page(decoded.text, params), decoded.charset


def decode_page(page: bytes, stated_charset: str | None, undecodable: float) -> Decoded:
    """The first half of :func:`html_to_text`: the page's characters, refused if no extractor should see them.

    Raises:
        Undecodable: as said there.
        ExtractionFailed: the page is nested absurdly deep.
    """
    decoded = decode(page, stated_charset, html=True)
    if decoded.undecodable > undecodable:
        raise Undecodable(f"{decoded.undecodable:.2%} of the characters are not in {decoded.charset}")
    if _is_too_deep(decoded.text):
        raise ExtractionFailed(f"elements are nested more than {_MAX_DEPTH:,} deep")
    return decoded


def text_of_page(page: str, params: HtmlParams) -> str:
    """The second half of :func:`html_to_text`: the text of a page that :func:`decode_page` let through.

    Raises:
        ExtractionFailed: the extractor raised an error.
    """
    extract = _trafilatura() if params.extractor == "trafilatura" else _resiliparse
    try:
        return extract(page, params.main_content)
    except BaseException as error:
        if not isinstance(error, Exception) and not is_panic(error):
            raise
        raise ExtractionFailed(f"{params.extractor}: {type(error).__name__}: {error}") from error


def _is_too_deep(page: str) -> bool:
    """An estimate of the nesting: start tags less the end tags that have one, of elements that no parser closes itself.

    ``option`` is closed by the next one, unless there is something in between; ``optgroup``, ``rt`` and ``rp`` only
    inside elements that need not be there.
    """
    tags = page.count("<")
    if tags <= _MAX_DEPTH or tags - page.count("</") <= _MAX_DEPTH:
        return False
    open_elements: Counter[str] = Counter()
    depth, before = 0, ""
    for match in _TAG.finditer(page):
        name = match.group(2).lower()
        if match.group(1):
            if open_elements[name]:
                open_elements[name] -= 1
                depth -= 1
            continue
        if name not in _CLOSED_BY_THE_PARSER and not name == before == "option":
            open_elements[name] += 1
            depth += 1
            if depth > _MAX_DEPTH:
                return True
        before = name
    return False


def _resiliparse(page: str, main_content: bool) -> str:
    return extract_plain_text(page, preserve_formatting=True, main_content=main_content, alt_texts=False)


def _trafilatura() -> Callable[[str, bool], str]:
    """The extractor of a library that takes a second to import, so only where it is chosen."""
    import trafilatura

    def extract(page: str, main_content: bool) -> str:
        if main_content:
            return trafilatura.extract(page, include_comments=False, include_images=False, deduplicate=False) or ""
        return trafilatura.html2txt(page) or ""

    return extract
