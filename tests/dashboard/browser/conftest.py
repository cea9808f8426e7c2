"""A real Chromium, and pages that fail a test when anything goes wrong in them."""

import shutil
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Dialog, Page, async_playwright, expect

from tests.house.source import ROOT

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# What a page is expected to show comes when it comes: machines that test are busy.
expect.set_options(timeout=25_000)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The machine's Chromium, headless."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    assert found, f"these tests need one of {', '.join(NAMES)}: apt-get install chromium"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield browser
        await browser.close()


async def opened(
    browser: Browser, width: int = 1280, height: int = 800, scheme: str = "light"
) -> tuple[Page, list[str]]:
    """A page of its own, and what went wrong in it so far: errors, refused scripts, dialogs."""
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    context.set_default_timeout(25_000)
    page = await context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(f"error: {error.stack}"))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)

    async def dismiss(dialog: Dialog) -> None:
        wrong.append(f"dialog: {dialog.message}")
        await dialog.dismiss()

    page.on("dialog", dismiss)
    return page, wrong


@pytest_asyncio.fixture(loop_scope="session")
async def page(chromium: Browser) -> AsyncIterator[Page]:
    """A desktop page in which nothing may go wrong."""
    page, wrong = await opened(chromium)
    yield page
    await page.context.close()
    assert not wrong


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, which finds what keeps people out of a page."""
    subprocess.run([sys.executable, str(ROOT / "src/dashboard/web/build.py"), "install"], check=True)
    return (ROOT / "src/dashboard/web/node_modules/axe-core/axe.min.js").read_text()


async def violations(page: Page, axe: str) -> list[str]:
    """What axe finds, each with the first element that has it."""
    await page.evaluate(axe)
    found = await page.evaluate(
        "async () => (await axe.run()).violations.map(v => `${v.id}: ${v.help}: ${v.nodes[0].html}`)"
    )
    return list(found)
