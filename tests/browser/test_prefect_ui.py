"""Prefect's UI in a real browser after a run: what became of each stage, why, and what it left, are on the screen."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.checkout import Checkout, make_checkout
from tests.served import Served, served

pytestmark = pytest.mark.long

WAIT_MS = 120_000
"""The UI asks the server again every few seconds, and the machine may be busy."""
SHOTS = os.environ.get("BESSEMER_SCREENSHOTS", "")
"""A folder for pictures of what the tests see; none are taken where it is not named."""


@dataclass
class Seen:
    """The UI of a server that made two runs up to ``language``: a good one, and one after the source was damaged."""

    serving: Served
    good: str
    broken: str
    tab: Page
    asked: list[str]

    def open(self, path: str) -> None:
        """A page of the UI that Prefect shows first, from the start."""
        self.tab.goto(f"{self.serving.api.removesuffix('/api')}/v2/{path}")

    def shoot(self, name: str) -> None:
        """Keep a picture where a folder for them is named."""
        if SHOTS:
            self.tab.wait_for_timeout(1500)  # until drawings stand still
            self.tab.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def is_here(address: str) -> bool:
    """Whether an address is on this machine, or no address at all (``data:``)."""
    return urlsplit(address).hostname in (None, "127.0.0.1")


def small_checkout(folder: Path) -> Checkout:
    """A line of one source with one short file."""
    checkout = make_checkout(folder)
    source = {"name": "notes", "path": "data/raw/*.jsonl", "license": "CC0-1.0"}
    nothing_to_learn = {"positives": [], "negatives": []}
    curate = {"classifier": {"min_classifier_score": None}}
    checkout.change({"sources": [source], "classifier": nothing_to_learn, "curate": curate})
    write(
        checkout, "good", "".join(f'{{"text": "The {n}th whale surfaced at dawn off the cape."}}\n' for n in range(40))
    )
    return checkout


def write(checkout: Checkout, name: str, text: str) -> None:
    path = checkout.folder / "data/raw" / f"{name}.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


@pytest.fixture(scope="module")
def seen(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    folder = tmp_path_factory.mktemp("ui")
    checkout = small_checkout(folder / "checkout")
    with served(checkout, folder / "home") as serving:
        good = serving.start("manual", stages=["language"])
        assert serving.ended(good)["name"] == "Completed"
        write(checkout, "bad", "this is no JSON\n" * 40)
        broken = serving.start("manual", stages=["language"])
        assert serving.ended(broken)["name"] == "DataError"
        tab = browser.new_page(viewport={"width": 1400, "height": 1200})
        tab.set_default_timeout(WAIT_MS)
        asked: list[str] = []
        tab.on("request", lambda request: asked.append(request.url))
        tab.route(lambda address: not is_here(address), lambda route: route.abort())
        yield Seen(serving, good, broken, tab, asked)
        tab.context.close()


def test_the_run_shows_what_became_of_every_stage(seen: Seen) -> None:
    for name, run, states in (
        ("prefect-good", seen.good, ("Completed", "Completed", "Completed")),
        ("prefect-broken", seen.broken, ("Cached", "DataError", "Skipped")),
    ):
        seen.open(f"runs/flow-run/{run}")
        seen.tab.get_by_role("tab", name="Task Runs").click()
        panel = seen.tab.get_by_role("tabpanel")
        for stage, state in zip(("check", "ingest", "language"), states, strict=True):
            expect(panel.get_by_text(stage, exact=True).first).to_be_visible(timeout=WAIT_MS)
            expect(panel.get_by_text(state, exact=True)).to_have_count(states.count(state), timeout=WAIT_MS)
        seen.shoot(name)


def test_what_a_run_left_says_why_and_leads_to_its_page(seen: Seen) -> None:
    artifacts = {item["key"]: item["id"] for item in seen.serving.artifacts(seen.broken)}
    assert {"line", "page", "report-ingest"} <= set(artifacts)
    seen.open(f"runs/flow-run/{seen.broken}")
    seen.tab.get_by_role("tab", name="Artifacts").click()
    for key in ("line", "report-ingest"):
        expect(seen.tab.get_by_text(key, exact=True).first).to_be_visible(timeout=WAIT_MS)
    seen.open(f"artifacts/artifact/{artifacts['line']}")
    expect(seen.tab.get_by_text("needs ingest, which failed").first).to_be_visible(timeout=WAIT_MS)
    expect(seen.tab.locator("svg.flowchart").get_by_text("ingest")).to_be_visible(timeout=WAIT_MS)
    seen.shoot("prefect-line")
    seen.tab.get_by_role("link", name="Page of the run").click()
    expect(seen.tab.get_by_text("needs ingest, which failed").first).to_be_visible(timeout=WAIT_MS)


def test_the_ui_asks_nobody_but_this_machine_and_amplitude_for_what_is_switched_off(seen: Seen) -> None:
    seen.open("dashboard")
    seen.tab.wait_for_load_state("load")
    abroad = {urlsplit(address).hostname for address in seen.asked if not is_here(address)}
    assert abroad <= {"sr-client-cfg.amplitude.com"}, "Prefect prepares analytics also where they are off"
