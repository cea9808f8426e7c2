"""A reader walks through the pages with a real browser, on a real server with real runs."""

import asyncio
import json
import re
import urllib.parse
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import Browser, Page, expect

import runwell
from tests.api.scene import HOSTILE_ID, component, send, write_plain
from tests.dashboard.browser.conftest import opened, violations
from tests.dashboard.browser.prefix_proxy import prefixed
from tests.dashboard.conftest import Served
from tests.dashboard.requests import request
from tests.forwarder.spool_writer import SpoolWriter
from tests.server import Server, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOSTILE = urllib.parse.quote(HOSTILE_ID, safe="")


def row(page: Page, run_id: str):
    return page.locator(f".row[data-run={json.dumps(run_id)}]")


async def test_from_the_projects_to_a_curve(served: Served, page: Page, axe: str):
    """Project, table, run: each is one click away, its address can be sent, and axe finds nothing wrong."""
    await page.goto(served.base)
    await page.get_by_role("link", name="digits").click()
    await expect(page).to_have_url(re.compile("/ada/digits$"))
    await page.get_by_role("searchbox", name="Search metrics").fill("^loss$")
    await expect(page.get_by_role("link", name="calm-heron-1", exact=True)).to_be_visible()
    await expect(page.locator(".card[data-key=loss] canvas")).to_be_visible()
    assert not await violations(page, axe)
    await page.get_by_role("link", name="calm-heron-1", exact=True).click()
    await expect(page.get_by_role("heading", name="calm-heron-1")).to_be_visible()
    await expect(page.locator(".card[data-key='val/acc'] canvas")).to_be_visible()
    await page.get_by_role("button", name="Config").click()
    await expect(page.get_by_role("cell", name="adam")).to_be_visible()
    await page.go_back()
    await expect(page.locator(".card[data-key=loss] canvas")).to_be_visible()
    await page.go_back()
    await expect(page.get_by_role("table", name="Runs")).to_be_visible()


async def test_names_execute_nothing(served: Served, page: Page):
    """A run whose id and name are HTML and scripts is shown as text everywhere."""
    await page.goto(f"{served.base}/ada/digits")
    await expect(page.get_by_role("link", name="<script>alert(1)</script>")).to_be_visible()
    await page.goto(f"{served.base}/ada/digits/{HOSTILE}")
    await expect(page.get_by_role("heading", name="<script>alert(1)</script>")).to_be_visible()
    await page.get_by_role("button", name="Summary").click()
    await expect(page.get_by_role("rowheader", name="a/b c\"'é")).to_be_visible()
    await page.goto(f"{served.base}/ada/digits/-/compare?run={HOSTILE}&run=plain&run=odd")
    await expect(page.get_by_role("link", name="<script>alert(1)</script>")).to_be_visible()


async def test_a_filter_is_completed_refused_and_kept_in_the_address(served: Served, page: Page):
    """Completion writes the field, a wrong filter says where, and the back button undoes it."""
    await page.goto(f"{served.base}/ada/digits")
    box = page.get_by_role("combobox", name="Filter")
    await box.fill("stat")
    await page.get_by_role("listbox").get_by_role("option", name="state", exact=True).click()
    await box.press_sequentially('== "failed"')
    await box.press("Enter")
    await expect(page.locator("[data-run]")).to_have_count(1)
    await expect(page).to_have_url(re.compile("filter="))
    await page.reload()
    await expect(page.locator("[data-run]")).to_have_count(1)
    await page.go_back()
    await expect(page.locator("[data-run]")).to_have_count(4)


async def test_keys_move_select_and_compare(served: Served, page: Page):
    """/ j k x c and Enter do what the help says."""
    await page.goto(f"{served.base}/ada/digits?run=plain")
    await expect(row(page, "plain").get_by_role("checkbox")).to_be_checked()
    await page.keyboard.press("/")
    await expect(page.get_by_role("searchbox", name="Search runs")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.locator("[data-run]")).to_have_count(4)
    for _ in range(4):
        await page.keyboard.press("j")
        focused = page.locator(".row.focused")
        await expect(focused).to_be_visible()
        if await focused.get_attribute("data-run") != "plain":
            await page.keyboard.press("x")
            await expect(focused.get_by_role("checkbox")).to_be_checked()
            break
    await page.keyboard.press("c")
    await expect(page.get_by_role("heading", name="Compare 2 runs")).to_be_visible()
    await page.go_back()
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()


async def test_charts_over_fields_are_added_and_kept_in_the_address(served: Served, page: Page, axe: str):
    """A scatter plot and parallel coordinates of all runs; a range dragged on an axis is part of the address."""
    await page.goto(f"{served.base}/ada/digits")
    for kind in ("Scatter", "Parallel coordinates"):
        await page.get_by_role("button", name="Add a chart").click()
        await page.get_by_role("button", name=kind, exact=True).click()
    await expect(page.get_by_role("img", name=re.compile(r" over .* of \d runs"))).to_be_visible()
    plot = page.locator(".parallel canvas")
    await expect(page.get_by_role("img", name=re.compile("of 4 runs, 4 within the chosen ranges"))).to_be_visible()
    assert not await violations(page, axe)
    await plot.scroll_into_view_if_needed()
    box = await plot.bounding_box()
    assert box
    await page.mouse.move(box["x"] + 56, box["y"] + 40)
    await page.mouse.down()
    await page.mouse.move(box["x"] + 56, box["y"] + 60)
    await page.mouse.up()
    await expect(page).to_have_url(re.compile("brushes%22%3A%7B%22"))
    narrowed = page.get_by_role("img", name=re.compile("of 4 runs, [0-3] within the chosen ranges"))
    await expect(narrowed).to_be_visible()
    await page.reload()
    await expect(narrowed).to_be_visible()
    await page.get_by_role("button", name="Remove Parallel coordinates").click()
    await expect(plot).to_have_count(0)


async def test_groups_are_one_line_with_a_band(served: Served, page: Page, axe: str):
    """Grouped runs have the mean and the spread of their numbers in the table, and a line of their own in every chart."""
    await page.goto(f"{served.base}/ada/digits?by=user&col=summary.loss&keys=%5Eloss$")
    groups = page.get_by_role("region", name="Groups of runs")
    await expect(groups.get_by_role("columnheader", name="std")).to_be_visible()
    await expect(groups.get_by_role("checkbox", name="Show ada")).to_be_checked()
    await expect(page.locator(".card[data-key=loss] canvas")).to_be_visible()
    await page.locator(".card[data-key=loss] .u-over").hover()
    await expect(page.locator(".tooltip .name")).to_have_text("ada (4)")
    assert not await violations(page, axe)
    await groups.get_by_role("checkbox", name="Show ada").uncheck()
    await expect(page.get_by_text("Select runs in the table")).to_be_visible()
    await page.go_back()
    await groups.get_by_role("button", name="ada").click()
    await expect(page).to_have_url(re.compile("filter=user"))
    await expect(page.locator("[data-run]")).to_have_count(4)


async def test_a_view_is_saved_and_has_an_address(server: Server, runwell_dir: Path, page: Page):
    """Saving a view is an event; its address leads to what it holds, a change can be saved, and a deleted one comes back."""
    with runwell.init(project="views", id="one", dir=runwell_dir) as run:
        run.log({"loss": 0.5})
    await page.goto(f"{server.http}/tester/views?order=-summary.loss&smooth=ema%3A0.5")
    await page.get_by_role("button", name="Saved views").click()
    await page.get_by_role("textbox", name="Name of the view").fill("by <b>loss</b>")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile("saved="))
    address = page.url.partition("?")[0] + "?saved=" + page.url.rpartition("saved=")[2]
    await page.goto(address)
    await expect(page).to_have_url(re.compile("order=-summary.loss&smooth=ema%3A0.5"))
    menu = page.get_by_role("button", name="Saved views")
    await expect(menu).to_have_text("by <b>loss</b>")
    await page.keyboard.press("l")
    await expect(menu).to_have_text("by <b>loss</b> *")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(menu).to_have_text("by <b>loss</b>")
    await menu.click()
    await page.get_by_role("button", name="Delete the view by <b>loss</b>").click()
    await expect(page.get_by_text("None is saved yet")).to_be_visible()
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_text("Restored the view")).to_be_visible()
    await menu.click()
    await expect(page.get_by_role("link", name="by <b>loss</b>")).to_be_visible()
    await page.goto(address)
    await expect(page).to_have_url(re.compile("logy=1"))
    await page.goto("about:blank")


HOSTILE_TEXT = """## Found

Loss is **lower**. <script>alert(1)</script> <img src=x onerror=alert(2)> [here](javascript:alert(3))

| a | b |
| - | - |
| ![out](https://example.invalid/a.png) | <style>* { display: none }</style> |
"""


async def test_a_pinned_report_never_changes(server: Server, runwell_dir: Path, page: Page, axe: str):
    """A chart and a table are put into a report by their buttons; once pinned, what is logged later does not alter them."""
    with runwell.init(project="told", id="one", name="first", dir=runwell_dir) as run:
        run.log({"loss": 0.5})
        run.log({"loss": 0.25})
    await page.goto(f"{server.http}/tester/told?col=summary.loss")
    await page.get_by_role("button", name="Add loss to a report").click()
    await page.get_by_role("textbox", name="Title of a new report").fill("What came out")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="What came out")).to_be_visible()
    report = page.url
    await expect(page.locator(".card[data-key=loss] canvas")).to_be_visible()
    await page.goto(f"{server.http}/tester/told?col=summary.loss&view=table")
    await page.get_by_role("button", name="add this table to a report").click()
    await page.get_by_role("button", name="Add to What came out").click()
    await expect(page.get_by_text("Added to What came out.")).to_be_visible()
    await page.goto(report + "?edit=1")
    await page.get_by_role("button", name="Text before").first.click()
    await page.get_by_role("textbox", name="Text").fill(HOSTILE_TEXT)
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_role("heading", name="Found")).to_be_visible()
    await expect(page.get_by_text("<script>alert(1)</script>")).to_be_visible()
    await expect(page.get_by_role("link", name="out")).to_have_attribute("href", "https://example.invalid/a.png")
    await page.get_by_role("button", name="Pin the figures").click()
    await expect(page.get_by_role("button", name="Make the figures live")).to_be_visible()
    assert not await violations(page, axe)
    with runwell.init(project="told", id="one", resume="must", dir=runwell_dir) as run:
        run.log({"loss": 7.0})
    with runwell.init(project="told", id="two", name="second", dir=runwell_dir) as run:
        run.log({"loss": 9.0})
    table = page.get_by_role("region", name="Runs of the report")
    await page.goto(report)
    await expect(table.get_by_role("cell", name="0.25")).to_be_visible()
    await expect(table.get_by_role("row")).to_have_count(2)
    await expect(page.get_by_text("of the log")).to_have_count(2)
    await page.locator(".card[data-key=loss] .u-over").hover(position={"x": 5, "y": 50})
    await expect(page.locator(".tooltip .value")).to_have_text("0.5")
    await page.get_by_role("button", name="Make the figures live").click()
    await expect(table.get_by_role("row")).to_have_count(3)
    await expect(table.get_by_role("cell", name="7")).to_be_visible()
    await page.get_by_role("link", name="reports").click()
    await expect(page.get_by_role("link", name="What came out")).to_be_visible()
    await page.goto("about:blank")


async def test_notes_are_markdown(server: Server, runwell_dir: Path, page: Page):
    """Notes are shown as Markdown in which nothing executes, and edited as text."""
    with runwell.init(project="noted", id="one", notes=HOSTILE_TEXT, dir=runwell_dir):
        pass
    await page.goto(f"{server.http}/tester/noted/one?tab=overview")
    await expect(page.get_by_role("heading", name="Found")).to_be_visible()
    await page.get_by_role("button", name="Edit the notes").click()
    await expect(page.get_by_role("textbox", name="Notes")).to_have_value(HOSTILE_TEXT)
    await page.get_by_role("textbox", name="Notes").fill("# Better")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_role("heading", name="Better")).to_be_visible()
    await page.goto("about:blank")


async def test_what_was_logged_besides_numbers_is_shown(server: Server, runwell_dir: Path, page: Page, axe: str):
    """Images with a slider over their steps, a heat map, a table that is searched, and an artifact with its files."""
    with runwell.init(project="seen", id="one", dir=runwell_dir) as run:
        for step in range(3):
            pixels = np.full((8, 8), 80 * step, np.uint8)
            run.log(
                {"picture": runwell.Image(pixels, caption=f"at {step}"), "spread": runwell.Histogram([1.0, 2.0, step])}
            )
        run.log({"rows": runwell.Table(columns=["name", "n"], data=[["<b>a</b>", 1], ["other", 2]])})
        artifact = runwell.Artifact("weights", "model")
        with artifact.new_file("readme.md") as file:
            file.write("hello")
        run.log_artifact(artifact)
    until(lambda: request(server.http, "/api/v1/artifacts/tester/seen/weights/v0").status == 200, "a decision about it")
    await page.goto(f"{server.http}/tester/seen/one?tab=media")
    await expect(page.get_by_role("img", name="at 2")).to_be_visible()
    await page.get_by_role("slider", name="Step of picture").fill("0")
    await expect(page.get_by_role("img", name="at 0")).to_be_visible()
    await expect(page.get_by_role("img", name="Histograms of spread: 3 steps")).to_be_visible()
    await expect(page.get_by_role("cell", name="<b>a</b>")).to_be_visible()
    await page.get_by_role("searchbox", name="Search in rows").fill("OTHER")
    await expect(page.get_by_text("1 of 2 rows")).to_be_visible()
    assert not await violations(page, axe)
    await page.get_by_role("button", name="Artifacts").click()
    await page.get_by_text("1 file, 5 B").click()
    await expect(page.get_by_role("link", name="readme.md")).to_be_visible()
    await page.goto("about:blank")


async def test_an_empty_server_shows_how_to_fill_it(empty: str, page: Page, axe: str):
    """Where nothing was logged the page has the lines of code that log something."""
    await page.goto(empty)
    await expect(page.get_by_role("heading", name="No runs here yet")).to_be_visible()
    await expect(page.get_by_text("runwell.init(")).to_be_visible()
    assert not await violations(page, axe)


async def test_a_curve_grows_while_its_run_does(tmp_path: Path, page: Page):
    """What is logged appears on an open page without asking again."""
    data_dir = tmp_path / "server"
    write_plain(tmp_path / "first")
    await asyncio.to_thread(send, tmp_path / "first", data_dir)
    with component("runwell_projector", data_dir), component("runwell_dashboard", data_dir) as said:
        await page.goto(f"{said['http']}/ada/digits/plain")
        await expect(page.locator(".card[data-key=loss] canvas")).to_be_visible()
        await expect(page.locator("header.title")).to_contain_text("step 19")
        more = SpoolWriter(tmp_path / "second", "plain")
        more.start()
        more.row(50, {"loss": 0.25})
        await asyncio.to_thread(send, tmp_path / "second", data_dir)
        await expect(page.locator("header.title")).to_contain_text("step 50")
        async with page.expect_download() as download:
            await page.get_by_role("button", name="Save loss as CSV").click()
        lines = Path(await (await download.value).path()).read_text().splitlines()
        assert len(lines) == 22 and lines[-1].startswith("plain,calm-heron-1,50,")
        await page.goto("about:blank")


async def test_a_run_is_changed_and_the_change_taken_back(server: Server, runwell_dir: Path, page: Page):
    """A tag and a name are changed where they are shown; Undo is another event that brings back what was."""
    with runwell.init(project="edits", id="one", name="before", dir=runwell_dir) as run:
        run.log({"loss": 0.5})
    await page.goto(f"{server.http}/tester/edits/one?tab=overview")
    await page.get_by_role("textbox", name="Add a tag").fill("fine")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Remove the tag fine")).to_be_visible()
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_role("button", name="Remove the tag fine")).to_have_count(0)
    await page.get_by_role("button", name="Rename").click()
    await page.get_by_role("textbox", name="Name").fill("after")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="after")).to_be_visible()
    await page.goto(f"{server.http}/tester/edits?run=one")
    await page.get_by_role("button", name="Change the selected runs").click()
    await page.get_by_role("button", name="Delete 1 run").click()
    await expect(page.locator("[data-run]")).to_have_count(0)
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_role("link", name="after")).to_be_visible()
    await page.goto("about:blank")


async def test_the_pages_work_below_a_prefix(served: Served, page: Page):
    """Behind a proxy that cuts off a prefix, of which nobody told the server, every link and request finds its way."""
    with prefixed(served.base) as base:
        await page.goto(base + "/")
        await page.get_by_role("link", name="digits").click()
        await page.get_by_role("link", name="calm-heron-1", exact=True).click()
        await expect(page.locator(".card[data-key=loss] canvas")).to_be_visible()
        await expect(page).to_have_url(f"{base}/ada/digits/plain")
        await page.reload()
        await expect(page.locator(".card[data-key=loss] canvas")).to_be_visible()
        await page.goto("about:blank")


SCATTER = '{"kind":"scatter","x":"config.lr","y":"summary.loss","colour":"state","logx":true}'

IMPORTANCE = '{"kind":"importance","target":"summary.loss"}'

PAGES = {
    "projects": "/",
    "runs": "/ada/digits",
    "grouped": "/ada/digits?by=state&view=table",
    "scatter": "/ada/digits?panel=" + urllib.parse.quote(SCATTER),
    "importance": "/ada/digits?panel=" + urllib.parse.quote(IMPORTANCE),
    "reports": "/ada/digits/-/reports",
    "run": "/ada/digits/plain",
    "overview": "/ada/digits/plain?tab=overview",
    "console": "/ada/digits/plain?tab=console",
    "media": "/ada/digits/plain?tab=media",
    "artifacts": "/ada/digits/plain?tab=artifacts",
    "config": "/ada/digits/odd?tab=config",
    "summary": "/ada/digits/odd?tab=summary",
    "compare": "/ada/digits/-/compare?run=plain&run=odd&run=resumed",
    "missing": "/ada/digits/never",
}


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)], ids=["desktop", "phone"])
async def test_everybody_can_use_every_page(
    served: Served, chromium: Browser, axe: str, scheme: str, width: int, height: int
):
    """axe finds no violation on any page, in both colour schemes, on a desktop and on a phone; nothing runs out of the side."""
    page, wrong = await opened(chromium, width, height, scheme)
    found: dict[str, list[str]] = {}
    for name, path in PAGES.items():
        await page.goto(served.base + path)
        await expect(page.locator("h1").first).to_be_attached()
        await page.wait_for_load_state("load")
        found[name] = await violations(page, axe)
        beyond = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        found[name] += [f"{beyond} pixels beyond the window"] if beyond > 0 else []
    await page.context.close()
    assert not {name: problems for name, problems in found.items() if problems}
    assert not [problem for problem in wrong if "404" not in problem]
