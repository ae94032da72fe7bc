"""Chromium as a reader has it, driven by Playwright. A machine without one skips what needs it and says so."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.chromium import chromium_path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser of this module's own: Playwright's event loop must not be there when other tests run theirs."""
    found = chromium_path()
    if found is None:
        pytest.skip("no Chromium on this machine; on Debian the package chromium has it")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield started
        started.close()
