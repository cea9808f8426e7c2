"""The page of a sweep in a real browser."""

import pytest
from playwright.async_api import Page, expect

from tests.dashboard.browser.conftest import violations
from tests.dashboard.conftest import Served

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_sweep_shows_how_far_it_is(served: Served, page: Page, axe: str):
    """Progress, best trial, charts, importance, trials and the command for one more agent; axe finds nothing wrong."""
    await page.goto(f"{served.base}/ada/digits/-/sweeps")
    await page.get_by_role("link", name="learning rates").click()
    await expect(page.get_by_role("status")).to_contain_text("running, random: 4 of 5 trials")
    await expect(page.get_by_text("0.25 in trial 2")).to_be_visible()
    for name in ("Best so far", "Values", "Parameters"):
        await expect(page.get_by_role("region", name=name).locator("canvas").first).to_be_visible()
    await expect(page.get_by_role("region", name="Importance", exact=True)).to_contain_text("Spearman")
    await expect(page.get_by_role("region", name="Table of trials").get_by_role("row")).to_have_count(5)
    await expect(page.get_by_text("runwell agent ada/digits/lr")).to_be_visible()
    assert not await violations(page, axe)
    await page.reload()
    await expect(page.get_by_text("0.25 in trial 2")).to_be_visible()
