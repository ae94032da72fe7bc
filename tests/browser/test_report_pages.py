"""The pages of a run in a real browser: quiet, offline, dark, by keyboard, on a phone, and under attack."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Page, ViewportSize

from bessemer.reporting.html import render_stage_page
from bessemer.reporting.overall import render_overall_page
from bessemer.reporting.report import write_report
from tests.checkout import STAGES
from tests.reporting.examples import curate_report, hostile_report
from tests.reporting.test_html import ALLOWED
from tests.reporting.test_html import Page as Parsed
from tests.reporting.test_overall import EDGES, evaluation, states
from tests.test_served import copy

PHONE, SCREEN = ViewportSize(width=390, height=844), ViewportSize(width=1440, height=900)
REACHABLE = "a[href], summary, [tabindex='0']"
MARK = """() => {
  const at = document.activeElement, style = getComputedStyle(at);
  at.setAttribute("data-reached", "");
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  return ring || style.boxShadow !== "none" || at === document.body ? null : at.outerHTML.slice(0, 200);
}"""
MISSED = f"""() => [...document.querySelectorAll("{REACHABLE}")]
  .filter((one) => one.checkVisibility() && !one.hasAttribute("data-reached"))
  .map((one) => one.outerHTML.slice(0, 200))"""
WIDER = """() => document.scrollingElement.scrollWidth <= innerWidth ? [] : [...document.body.querySelectorAll("*")]
  .filter((one) => one.getBoundingClientRect().right > innerWidth + 0.5 && !one.closest(".scroll"))
  .map((one) => one.outerHTML.slice(0, 200))"""
BRIGHTNESS = """() => getComputedStyle(document.body).backgroundColor.match(/[\\d.]+/g).slice(0, 3).map(Number)
  .reduce((sum, part) => sum + part) / 765"""
LINKS = """() => [...document.querySelectorAll("a[href]")].map((one) => one.getAttribute("href"))"""
IDS = """() => [...document.querySelectorAll("[id]")].map((one) => one.id)"""


@dataclass
class Opened:
    """A page as a reader sees it, and what it complains of and asks for while it is open."""

    path: Path
    tab: Page
    noted: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, browser: Browser, path: Path) -> "Opened":
        """A tab that shows the page and lets nothing else be fetched."""
        context = browser.new_context(viewport=SCREEN)
        own = path.as_uri()
        context.route("**/*", lambda route: route.continue_() if route.request.url == own else route.abort())
        opened = cls(path, context.new_page())
        opened.tab.on("console", lambda message: opened.noted.append(f"{message.type}: {message.text}"))
        opened.tab.on("pageerror", lambda error: opened.noted.append(f"error: {error}"))
        opened.tab.on("dialog", opened.refuse)
        opened.tab.on("request", lambda asked: opened.noted.append(asked.url) if asked.url != own else None)
        opened.tab.goto(own)
        return opened

    def refuse(self, dialog: Dialog) -> None:
        """A dialog that a page opens is noted, and closed."""
        self.noted.append(f"dialog: {dialog.message}")
        dialog.dismiss()


@pytest.fixture(scope="module", params=["examples", pytest.param("finished line", marks=pytest.mark.long)])
def paths(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The page of a run, then those of its stages: of made-up reports, or of a run of the finished line."""
    root = tmp_path_factory.mktemp("pages") / "checkout"
    if request.param == "examples":
        for report in (curate_report(), evaluation()):
            write_report(report, root / "reports" / report.stage)
        page = render_overall_page(root, "one", states("ran", "cached", "ran"), EDGES)
    else:
        checkout = copy(request.getfixturevalue("finished_line"), root)
        checkout.bessemer("run")
        page = next((root / ".runs").glob("*/html/index.html"))
        assert {path.stem for path in page.parent.glob("*.html")} == {"index", *STAGES}
    return [page, *sorted(set(page.parent.glob("*.html")) - {page})]


@pytest.fixture(scope="module")
def pages(browser: Browser, paths: list[Path]) -> Iterator[list[Opened]]:
    """All of them, open; a test leaves them wide, light and on a screen."""
    found = [Opened.of(browser, path) for path in paths]
    yield found
    for page in found:
        page.tab.context.close()


def test_a_page_is_dark_for_who_reads_dark_and_light_on_paper(pages: list[Opened]) -> None:
    for page in pages:
        assert page.tab.evaluate(BRIGHTNESS) > 0.9, page.path.name
        page.tab.emulate_media(color_scheme="dark")
        assert page.tab.evaluate(BRIGHTNESS) < 0.2, page.path.name
        page.tab.emulate_media(color_scheme="dark", media="print")
        assert page.tab.evaluate(BRIGHTNESS) > 0.9, page.path.name
        page.tab.emulate_media(color_scheme="light", media="screen")


def test_the_keyboard_reaches_every_link_and_every_fold_and_shows_where_it_is(pages: list[Opened]) -> None:
    for page in pages:
        for _ in range(page.tab.locator(REACHABLE).count() + 1):
            page.tab.keyboard.press("Tab")
            assert page.tab.evaluate(MARK) is None, page.path.name
        assert page.tab.evaluate(MISSED) == [], page.path.name


def test_a_fold_opens_and_closes_by_the_enter_key(pages: list[Opened]) -> None:
    fold = next(page for page in pages if page.tab.locator("details").count()).tab.locator("details").first
    was = fold.get_attribute("open")
    fold.locator("summary").press("Enter")
    assert fold.get_attribute("open") != was


def test_every_link_leads_to_a_page_or_a_place_that_is_there(pages: list[Opened]) -> None:
    ids = {page.path.name: set(page.tab.evaluate(IDS)) for page in pages}
    links = [(page.path.name, link) for page in pages for link in page.tab.evaluate(LINKS)]
    assert len(links) > len(pages)
    for name, link in links:
        target, _, place = link.partition("#")
        assert (target or name) in ids, f"{name} leads to {link}"
        assert not place or place in ids[target or name], f"{name} leads to {link}"


def test_no_page_is_wider_than_a_phone(pages: list[Opened]) -> None:
    for page in pages:
        page.tab.set_viewport_size(PHONE)
        assert page.tab.evaluate(WIDER) == [], page.path.name
        page.tab.set_viewport_size(SCREEN)


def test_in_all_this_a_page_complained_of_nothing_and_asked_for_nothing_but_itself(pages: list[Opened]) -> None:
    assert {page.path.name: page.noted for page in pages if page.noted} == {}


@pytest.mark.long
def test_a_click_on_a_stage_opens_its_page_and_leads_back(browser: Browser, paths: list[Path]) -> None:
    tab = browser.new_page()
    tab.goto(paths[0].as_uri())
    tab.locator("svg a[href='curate.html']").click()
    assert tab.url.endswith("/curate.html")
    tab.locator("a[href='index.html']").first.click()
    assert tab.url.endswith("/index.html")
    tab.context.close()


@pytest.mark.long
def test_a_browser_runs_nothing_of_a_hostile_page_and_keeps_it_in_its_width(browser: Browser, tmp_path: Path) -> None:
    hostile = Opened.of(browser, render_stage_page(hostile_report(), tmp_path))
    hostile.tab.set_viewport_size(PHONE)
    folds = hostile.tab.locator("summary")
    assert folds.count()
    folds.evaluate_all("all => all.forEach((one) => { if (!one.parentElement.open) one.click(); })")
    assert hostile.noted == []
    assert "owned" not in hostile.tab.title().replace("document.title='owned'", "")
    assert {tag for tag, _ in Parsed(hostile.tab.content()).elements} <= ALLOWED
    assert hostile.tab.evaluate(WIDER) == []
    hostile.tab.context.close()
