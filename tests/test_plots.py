"""`dvc plots show`: what every stage draws, on a page that needs no network."""

import re
from pathlib import Path

import pytest
import yaml

from tests.checkout import ROOT
from tests.chromium import chromium_path
from tests.test_served import copy

DRAWN = {
    "ingest",
    "language",
    "classifier",
    "quality",
    "dedup",
    "decontaminate",
    "curate",
    "tokenizer",
    "shard",
    "pretrain",
}


def declared() -> dict[str, list[str]]:
    """Stage to the files that it plots, from dvc.yaml."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    plots = {name: [next(iter(plot)) for plot in stage.get("plots", [])] for name, stage in stages.items()}
    return {name: files for name, files in plots.items() if files}


def test_every_stage_with_curves_or_distributions_has_plots_and_their_page_fetches_nothing() -> None:
    assert set(declared()) == DRAWN
    template = (ROOT / ".dvc/plots/offline.html").read_text()
    assert not re.search(r"<(script|link)\b[^>]*(src|href)=", template)
    assert "default-src 'none'" in template
    assert "{plot_divs}" in template
    assert "html_template = plots/offline.html" in (ROOT / ".dvc/config").read_text()


@pytest.mark.long
@pytest.mark.skipif(chromium_path() is None, reason="no Chromium on this machine")
@pytest.mark.timeout(1500)
def test_dvc_plots_show_draws_every_plot_in_a_browser_without_a_request(finished_line: Path, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    checkout = copy(finished_line, tmp_path / "checkout")
    checkout.run("dvc", "plots", "show")
    page_file = checkout.folder / "dvc_plots/index.html"
    files = [file for plots in declared().values() for file in plots]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        page = browser.new_page()
        errors: list[str] = []
        requests: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(page_file.as_uri())
        page.wait_for_function("n => document.querySelectorAll('.vega-embed canvas').length >= n", arg=len(files))
        browser.close()
    assert errors == []
    assert requests == [page_file.as_uri()]
