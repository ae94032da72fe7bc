"""Wikitext: what a reader of the page sees, and pages that would keep the parser busy for minutes refused at once."""

import time

import pytest

from bessemer.extract.text import clean_text
from bessemer.extract.wikitext import NotWikitext, wikitext_to_text

NAMESPACES = frozenset({"file", "category", "datei"})


@pytest.mark.parametrize(
    ("wikitext", "text"),
    [
        ("'''Iron''' is a [[Metal|metal]] and an [[element]].", "Iron is a metal and an element."),
        ("{{Infobox|name=Iron}}\nIron{{citation needed}} rusts.", "Iron rusts."),
        ("Iron<ref name=\"a\">A book, p. 3</ref> rusts<ref name='a' />.", "Iron rusts."),
        ("[[Datei:Iron.jpg|thumb|a ''lump'' of [[iron]]]]Iron.\n\n[[Category:Metals]]", "Iron."),
        ("Before\n\n{| class=x\n! a\n|-\n| b\n|}\n\nAfter", "Before\n\nAfter"),
        ("See [https://example.org the page] &amp; more.<!-- hidden -->", "See the page & more."),
        ("== History ==\nOld.", "History\nOld."),
    ],
)
def test_text_is_what_a_reader_sees(wikitext: str, text: str) -> None:
    assert clean_text(wikitext_to_text(wikitext, NAMESPACES)) == text


@pytest.mark.parametrize(
    "attack",
    [
        "[[a|" * 20_000,
        "{{a|" * 20_000,
        "<b>" * 100_000,
        "<a b='" * 3000,
        "[http://a " * 20_000,
        "{|\n!a\n" * 5000,
        "<!--" * 20_000,
        "{{a|" * 40 + "b=c|" * 100_000,
        "''a" * 60_000,
        "<b>x</b>" * 60_000,
        ":;" * 100_000,
    ],
)
def test_what_is_slow_to_parse_is_refused_at_once(attack: str) -> None:
    started = time.process_time()
    with pytest.raises(NotWikitext):
        wikitext_to_text(attack, NAMESPACES)
    assert time.process_time() - started < 5


def test_a_few_slips_of_an_author_do_no_harm() -> None:
    assert wikitext_to_text("A [[broken link and {{a broken template.\n\nMore <b>words.", NAMESPACES).endswith("words.")
