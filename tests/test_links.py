"""Every link from one page of the documentation to another file of the project leads somewhere."""

import re
from pathlib import Path

import pytest

from tests.checkout import ROOT

_LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)\s]*)?\)")
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_that_are_there(page: Path) -> None:
    links = [link for link in _LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_page_is_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        waiting += page.glob("*.md") if page.is_dir() else []
        if page in reached or page.suffix != ".md" or not page.exists():
            continue
        reached.add(page)
        links = [link for link in _LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
        waiting += [(page.parent / link).resolve() for link in links]
    assert [str(page.relative_to(ROOT)) for page in PAGES if page.resolve() not in reached] == []
