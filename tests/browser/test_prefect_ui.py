"""Prefect's UI in a real browser after a run: what became of each stage, why, and what it left, are on the screen."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.checkout import STAGES
from tests.served import Served, served
from tests.test_served import copy

pytestmark = pytest.mark.long

WAIT_MS = 60_000
"""The UI asks the server again every few seconds, and the machine may be busy."""
SHOTS = os.environ.get("BESSEMER_SCREENSHOTS", "")
"""A folder for pictures of what the tests see; none are taken where it is not named."""
CHANGE = "curate.length.min_words changed from 20 to 80"
RAN = {"check", "curate"}


@dataclass
class Seen:
    """The UI of a server after a run of the line up to ``curate``, one rule of which was changed."""

    serving: Served
    run: str
    tab: Page
    asked: list[str]

    def open(self, path: str) -> None:
        """A page of the UI, from the start."""
        self.tab.goto(f"{self.serving.api.removesuffix('/api')}/{path}")

    def shoot(self, name: str) -> None:
        """Keep a picture where a folder for them is named."""
        if SHOTS:
            self.tab.wait_for_timeout(1500)  # until drawings stand still
            self.tab.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


@pytest.fixture(scope="module")
def seen(browser: Browser, finished_line: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    folder = tmp_path_factory.mktemp("ui")
    checkout = copy(finished_line, folder / "checkout")
    checkout.change({"curate": {"length": {"min_words": 80}}})
    with served(checkout, folder / "home") as serving:
        run = serving.start("manual", stages=["curate"])
        assert serving.ended(run)["name"] == "Completed"
        tab = browser.new_page(viewport={"width": 1400, "height": 1200})
        tab.set_default_timeout(WAIT_MS)
        asked: list[str] = []
        tab.on("request", lambda request: asked.append(request.url))
        yield Seen(serving, run, tab, asked)
        tab.context.close()


def test_the_run_shows_what_became_of_every_stage(seen: Seen) -> None:
    seen.open(f"runs/flow-run/{seen.run}")
    seen.tab.get_by_role("tab", name="Task Runs").click()
    panel = seen.tab.get_by_role("tabpanel")
    stages = STAGES[: STAGES.index("curate") + 1]
    expect(panel.get_by_text("Completed", exact=True)).to_have_count(len(RAN), timeout=WAIT_MS)
    expect(panel.get_by_text("Cached", exact=True)).to_have_count(len(stages) - len(RAN), timeout=WAIT_MS)
    for stage in stages:
        expect(panel.get_by_text(stage, exact=True).first).to_be_visible()
    seen.shoot("prefect-run")


def test_a_stage_says_why_it_ran(seen: Seen) -> None:
    task = seen.serving.tasks(seen.run)["curate"]["id"]
    seen.open(f"runs/task-run/{task}")
    expect(seen.tab.get_by_text(f"because {CHANGE}").first).to_be_visible(timeout=WAIT_MS)
    seen.shoot("prefect-stage")


def test_what_the_run_left_is_there_to_read_and_leads_to_its_page(seen: Seen) -> None:
    artifacts = {item["key"]: item for item in seen.serving.artifacts(seen.run)}
    assert {"line", "page", "report-curate"} <= set(artifacts)
    seen.open(f"runs/flow-run/{seen.run}")
    seen.tab.get_by_role("tab", name="Artifacts").click()
    for key in ("line", "page", "report-curate"):
        expect(seen.tab.get_by_text(key, exact=True).first).to_be_visible(timeout=WAIT_MS)
    seen.open(f"artifacts/artifact/{artifacts['line']['id']}")
    expect(seen.tab.get_by_text(CHANGE).first).to_be_visible(timeout=WAIT_MS)
    seen.shoot("prefect-line")
    seen.tab.get_by_role("link", name="Page of the run").click()
    expect(seen.tab.get_by_role("heading", level=1)).to_have_text("From raw text to an evaluated model")
    expect(seen.tab.get_by_text(CHANGE).first).to_be_visible()


def test_the_ui_asks_nobody_but_this_machine(seen: Seen) -> None:
    assert {urlsplit(address).hostname for address in seen.asked if address.startswith("http")} == {"127.0.0.1"}


def test_explore(seen: Seen) -> None:
    seen.open(f"runs/flow-run/{seen.run}")
    seen.tab.wait_for_timeout(8000)
    print(seen.tab.url)
    print(seen.tab.locator("body").inner_text())
    for name in ("Task Runs", "Artifacts", "Logs", "Details"):
        seen.tab.get_by_role("tab", name=name).click()
        seen.tab.wait_for_timeout(3000)
        print("#####", name, seen.tab.url)
        print(seen.tab.locator("body").inner_text()[-3000:])
        seen.shoot(name)
    seen.open("artifacts")
    seen.tab.wait_for_timeout(4000)
    print(seen.tab.locator("body").inner_text())
    print([a.get_attribute("href") for a in seen.tab.locator("a").all()])
    print({u.split("/")[2] for u in seen.asked if "//" in u})
