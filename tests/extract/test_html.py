"""HTML to text: main content, both extractors, hostile pages."""

import pytest

from bessemer.config.ingest import HtmlParams
from bessemer.extract import html
from bessemer.extract.html import ExtractionFailed, Undecodable, html_to_text

PAGE = """<html><head><meta charset="euc-kr"><title>t</title><script>var x = 1;</script></head><body>
<nav><a href="/">Home</a><a href="/a">Contents</a></nav>
<main><article><h1>제목</h1>
<p>모든 인간은 태어날 때부터 자유로우며 그 존엄과
권리에 있어 동등하다. 인간은 천부적으로 이성과 양심을 부여받았으며
서로 형제애의 정신으로 행동하여야 한다.</p>
<p>둘째 단락은 조금 더 길다. 그래서 본문으로 여겨진다.</p>
</article></main>
<footer>Copyright notice of the site</footer></body></html>"""


@pytest.mark.parametrize("extractor", ["resiliparse", "trafilatura"])
def test_the_main_content_stays_and_navigation_and_scripts_go(extractor: str) -> None:
    params = HtmlParams(extractor=extractor)  # type: ignore[arg-type]
    text, charset = html_to_text(PAGE.encode("cp949"), None, params, 0.0)
    assert "모든 인간은 태어날 때부터" in text
    assert "둘째 단락" in text
    assert "Copyright" not in text
    assert "var x" not in text
    assert charset == "cp949"


@pytest.mark.parametrize("extractor", ["resiliparse", "trafilatura"])
def test_the_whole_page_can_be_kept(extractor: str) -> None:
    params = HtmlParams(extractor=extractor, main_content=False)  # type: ignore[arg-type]
    text, _ = html_to_text(PAGE.encode("cp949"), None, params, 0.0)
    assert "Home" in text
    assert ("Copyright" in text) == (extractor == "resiliparse")


def test_a_page_in_no_charset_is_refused() -> None:
    with pytest.raises(Undecodable, match="of the characters are not in"):
        html_to_text(b"<p>" + "Größe ".encode() * 9 + b"\x81\x8d\x8f\x90\x9d" * 9, "utf-8", HtmlParams(), 0.001)


def test_absurd_nesting_is_refused_before_the_extractor_sees_it() -> None:
    with pytest.raises(ExtractionFailed, match="nested more than"):
        html_to_text(b"<div>" * 300_000, None, HtmlParams(), 0.0)
    with pytest.raises(ExtractionFailed, match="nested more than"):
        html_to_text(b"<font>x</p>" * 30_000, None, HtmlParams(), 0.0)


@pytest.mark.parametrize(
    "unit",
    [
        "<rt>x ",
        "<rp>x ",
        "<optgroup>x ",
        "<ruby>x<rt>y</b>",
        "<rt><option>x",
        "<option><li><option><dd>",
        "<font>x</foo>",
    ],
)
def test_elements_that_nest_are_counted_whatever_end_tags_stand_between(unit: str) -> None:
    with pytest.raises(ExtractionFailed, match="nested more than"):
        html_to_text(unit.encode() * 100_000, None, HtmlParams(), 0.0)


def test_a_panic_of_the_extractor_is_the_pages_fault_and_an_interrupt_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    class PanicException(BaseException):
        """As pyo3 derives it."""

    for raised, expected in ((PanicException, ExtractionFailed), (KeyboardInterrupt, KeyboardInterrupt)):

        def extract(page: str, main_content: bool, raised: type[BaseException] = raised) -> str:
            raise raised("index out of bounds")

        monkeypatch.setattr(html, "_resiliparse", extract)
        with pytest.raises(expected, match="index out of bounds"):
            html_to_text(b"<p>x", None, HtmlParams(), 0.0)


@pytest.mark.parametrize(
    "page",
    [
        b"<li>item" * 5000,
        b"<div>x</div>" * 5000,
        b"<p>x<br>" * 5000,
        b"<table>" + b"<tr><td>x" * 4000,
        b"<select>" + b"<option>x" * 4000,
        b"<ruby>x<rt>y</rt></ruby>" * 4000,
    ],
)
def test_long_pages_are_not_taken_for_deep_ones(page: bytes) -> None:
    html_to_text(page, None, HtmlParams(main_content=False), 0.0)
