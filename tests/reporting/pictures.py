"""Pictures of pages as a browser draws them, and what can be measured on the way.

``python -m tests.reporting.pictures .runs/<run>/html docs/images`` makes the pictures of the documentation: the four
answers of the run page at the width of a desk and of a phone, light and dark, and the page of ``curate``.
"""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.chromium import chromium_path

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

DESK, PHONE = (1440, 900), (390, 844)
COLOURS = 128
"""Of a picture; flat colours and grey edges of letters need no more."""

_HEIGHTS = """() => Object.fromEntries([...document.querySelectorAll('section')].map(
    section => [section.id, section.getBoundingClientRect().height]))"""
_END = "id => document.getElementById(id).getBoundingClientRect().bottom + window.scrollY"


@dataclass
class Seen:
    """What a browser showed of a page.

    Attributes:
        heights: of sections, in CSS pixels, by their anchors.
        width: of all that there is, in CSS pixels; more than the window's where something sticks out.
        said: errors and warnings of the console.
        asked: addresses that were loaded, the page's own among them.
    """

    heights: dict[str, float] = field(default_factory=dict)
    width: float = 0.0
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@contextmanager
def chromium() -> Iterator["Browser"]:
    """The Chromium of this machine.

    Raises:
        FileNotFoundError: there is none.
    """
    from playwright.sync_api import sync_playwright

    path = chromium_path()
    if path is None:
        raise FileNotFoundError("no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(
    browser: "Browser", path: Path, size: tuple[int, int], *, dark: bool = False, scale: float = 1
) -> Iterator[tuple["Page", Seen]]:
    """A page in a window of ``size`` CSS pixels, and what was seen of it."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        device_scale_factor=scale,
    )
    page, seen = context.new_page(), Seen()
    page.on("console", lambda message: seen.said.append(message.text))
    page.on("pageerror", lambda error: seen.said.append(str(error)))
    page.on("request", lambda request: seen.asked.append(request.url))
    page.goto(path.resolve().as_uri())
    seen.heights = page.evaluate(_HEIGHTS)
    seen.width = page.evaluate("document.documentElement.scrollWidth")
    yield page, seen
    context.close()


def picture(page: "Page", until: str) -> bytes:
    """PNG of the page from its top to the end of the section ``until``, in few colours."""
    from PIL import Image

    size = page.viewport_size
    assert size is not None
    clip = {"x": 0, "y": 0, "width": size["width"], "height": page.evaluate(_END, until)}
    taken = page.screenshot(full_page=True, clip=clip, timeout=300_000)  # type: ignore[arg-type]
    target = io.BytesIO()
    few = (
        Image.open(io.BytesIO(taken))
        .convert("RGB")
        .quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    )
    few.save(target, "PNG", optimize=True)
    return target.getvalue()


def main(pages: Path, target: Path) -> None:
    """Write the pictures of the documentation."""
    with chromium() as browser:
        for name, size, until, scale in (("run", DESK, "cost", 1.0), ("phone", PHONE, "lost", 1.5)):
            for theme in ("light", "dark"):
                with opened(browser, pages / "index.html", size, dark=theme == "dark", scale=scale) as (page, seen):
                    (target / f"report-{name}-{theme}.png").write_bytes(picture(page, until))
                    print(name, theme, {anchor: round(height) for anchor, height in seen.heights.items()})
        with opened(browser, pages / "curate.html", DESK) as (page, _):
            (target / "report-stage.png").write_bytes(picture(page, "drops"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
