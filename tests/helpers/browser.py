"""A headless browser for tests of pages: import `browser` as a fixture and mark its tests with `browser_needed`."""

import shutil

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
browser_needed = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH; install it to test the page")


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Inside a container there is no user namespace for the sandbox; the pages are ours.
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()
