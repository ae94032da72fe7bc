"""HTML pages to plain text, with one of two extractors."""

from bessemer.config.ingest import HtmlParams
from bessemer.extract.charset import decode


class ExtractionFailed(Exception):
    """The extractor could not make sense of the page."""


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
        ExtractionFailed: the extractor raised an error.
    """
    decoded = decode(page, stated_charset, html=True)
    if decoded.undecodable > undecodable:
        raise Undecodable(f"{decoded.undecodable:.2%} of the characters are not in {decoded.charset}")
    try:
        extract = _trafilatura if params.extractor == "trafilatura" else _resiliparse
        return extract(decoded.text, params.main_content), decoded.charset
    except Exception as error:
        raise ExtractionFailed(f"{params.extractor}: {type(error).__name__}: {error}") from error


def _resiliparse(page: str, main_content: bool) -> str:
    from resiliparse.extract.html2text import extract_plain_text

    return extract_plain_text(page, preserve_formatting=True, main_content=main_content, alt_texts=False)


def _trafilatura(page: str, main_content: bool) -> str:
    import trafilatura

    if main_content:
        return trafilatura.extract(page, include_comments=False, include_images=False, deduplicate=False) or ""
    return trafilatura.html2txt(page) or ""
