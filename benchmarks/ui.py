"""How fast the pages are, in a real headless Chromium, on generated stores served from disk by real processes.

    python -m benchmarks.ui            all of it, also 100,000 runs (some minutes)
    python -m benchmarks.ui --quick    a run of 200,000 points and 2,000 runs

Times are of the browser: from the navigation, click or key until the page shows what was asked for.
"""

import argparse
import asyncio
import contextlib
import gzip
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

from benchmarks.ui_store import CHARTS, PLANTED, RUNS_OF_CHARTS, Scale, write_store
from runwell_projector.query import wait_for_log_end

ROOT = Path(__file__).parents[1]
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
TIMEOUT_MS = 60_000
REPEATS = 5
SEALED_TIMEOUT_S = 900.0

TARGETS = {
    "first_chart_cold_ms": 500,
    "first_chart_warm_ms": 150,
    "zoom_ms": 150,
    "charts_page_ms": 1_500,
    "charts_page_longest_task_ms": 200,
    "table_first_rows_ms": 300,
    "table_sort_ms": 200,
    "table_filter_ms": 200,
    "many_sort_ms": 500,
    "many_filter_ms": 500,
    "many_regex_ms": 500,
    "script_gzip_kb": 300,
    "heap_100_charts_mb": 300,
}
"""At most."""
LEAST = {"scroll_frames_a_second": 55, "planted_spikes_seen_percent": 100}

PAINTED = """key => { const card = document.querySelector(`.card[data-key="${key}"]`);
  return card && card.querySelector("canvas") && !card.querySelector(".wait"); }"""
ALL_PAINTED = """() => { const cards = [...document.querySelectorAll(".card")].filter(card => {
    const { top, bottom } = card.getBoundingClientRect(); return bottom > 0 && top < innerHeight; });
  return cards.length > 0 && cards.every(card => card.querySelector("canvas") && !card.querySelector(".wait")); }"""
LONG_TASKS = """() => { window.longest = 0; new PerformanceObserver(list => {
  for (const entry of list.getEntries()) window.longest = Math.max(window.longest, entry.duration);
}).observe({ type: "longtask", buffered: true }); }"""
SCROLL = """async () => { const grid = document.querySelector(".grid"); const start = performance.now(); let frames = 0;
  while (performance.now() - start < 2000) { grid.scrollTop += 97; await new Promise(requestAnimationFrame); frames++; }
  return frames / ((performance.now() - start) / 1000); }"""


@contextlib.contextmanager
def served(data_dir: Path) -> Iterator[str]:
    """Projector and dashboard on the directory: the address, once the views hold the whole log."""
    modules = ("runwell_projector", "runwell_dashboard")
    options = ["--data-dir", str(data_dir), "--http", "127.0.0.1:0"]
    processes = [
        subprocess.Popen([sys.executable, "-m", module, *options], stderr=subprocess.DEVNULL) for module in modules
    ]
    announced = data_dir / "components" / "dashboard.json"
    try:
        if not wait_for_log_end(data_dir, SEALED_TIMEOUT_S):
            raise TimeoutError("the projector did not reach the log's end")
        while not announced.exists():
            time.sleep(0.05)
        yield json.loads(announced.read_text())["http"]
    finally:
        for process in processes:
            process.terminate()
            process.wait()


async def clocked(action: Callable[[], Awaitable[Any]], shown: Callable[[], Awaitable[Any]]) -> float:
    """Milliseconds from an action until what it asked for is shown."""
    began_at = time.perf_counter()
    await action()
    await shown()
    return 1000 * (time.perf_counter() - began_at)


async def long_curve(browser: Browser, base: str) -> dict[str, float]:
    """The run with a million points: its first chart, and zooms that look for planted spikes."""
    address, found = f"{base}/bench/long/long", {}
    for name in ("first_chart_cold_ms", "first_chart_warm_ms"):
        times = []
        for _ in range(1 if name == "first_chart_cold_ms" else REPEATS):
            page = await new_page(browser)
            times.append(
                await clocked(lambda: page.goto(address), lambda: page.wait_for_function(PAINTED, arg="loss"))  # noqa: B023
            )
            await page.context.close()
        found[name] = statistics.median(times)
    page, zooms, seen = await new_page(browser), [], 0
    await page.goto(address)
    await page.wait_for_function(PAINTED, arg="loss")
    for step, value in PLANTED:
        at = f"{step - 2_000}~{step + 2_000}"
        address_of_zoom = f"{address}?range={at}"
        zooms.append(
            await clocked(
                lambda: page.evaluate(
                    "url => { history.pushState(null, '', url); dispatchEvent(new PopStateEvent('popstate')); }",
                    address_of_zoom,  # noqa: B023
                ),
                lambda: page.wait_for_function(PAINTED, arg="loss"),
            )
        )
        query = f"series?run=bench/long/long&key=loss&bands=1&samples=500&min={step - 2_000}&max={step + 2_000}"
        answers = await page.evaluate(
            "async query => (await (await fetch('api/v1/' + query)).json()).series[0].columns.max", query
        )
        seen += max(answers) == value
    await page.context.close()
    return found | {
        "zoom_ms": statistics.median(zooms),
        "planted_spikes_seen_percent": 100 * seen / len(PLANTED),
    }


async def many_charts(browser: Browser, base: str) -> dict[str, float]:
    """50 charts of 10 runs: all that are in sight painted; then 100 charts on one page and what they hold."""
    page = await new_page(browser)
    await page.add_init_script(f"({LONG_TASKS})()")
    runs = "&".join(f"run=chart-{number}" for number in range(RUNS_OF_CHARTS))
    took = await clocked(
        lambda: page.goto(f"{base}/bench/charts?view=charts&{runs}"), lambda: page.wait_for_function(ALL_PAINTED)
    )
    longest = await page.evaluate("window.longest")
    for _ in range(2 * CHARTS):
        await page.mouse.wheel(0, 800)
        await page.wait_for_timeout(30)
    heap = await page.evaluate("performance.memory.usedJSHeapSize")
    await page.context.close()
    return {"charts_page_ms": took, "charts_page_longest_task_ms": longest, "heap_100_charts_mb": heap / 2**20}


async def table(browser: Browser, base: str, project: str) -> dict[str, float]:
    """The runs table of a project: first rows, a sort, a filter, a regex, and scrolling."""
    page = await new_page(browser)
    address, first = f"{base}/bench/{project}?view=table", "() => document.querySelectorAll('[data-run]').length > 10"
    await page.goto(address)
    await page.wait_for_function(first)
    found = {"first_rows_ms": await clocked(lambda: page.goto(address), lambda: page.wait_for_function(first))}
    questions = {
        "sort_ms": "order=-summary.metric_7",
        "filter_ms": "filter=config.option_3 %3C 0.5 and summary.metric_2 > 0.1",
        "regex_ms": "q=run-.*77$",
    }
    answered = "before => document.querySelector('.grid').dataset.answered !== before"
    change = "url => { history.pushState(null, '', url); dispatchEvent(new PopStateEvent('popstate')); }"
    for name, query in questions.items():
        times = []
        for _ in range(REPEATS):
            await page.goto(address)
            await page.wait_for_function(first)
            before = await page.evaluate("document.querySelector('.grid').dataset.answered")
            times.append(
                await clocked(
                    lambda: page.evaluate(change, f"{address}&{query}"),  # noqa: B023
                    lambda: page.wait_for_function(answered, arg=before),  # noqa: B023
                )
            )
        found[name] = statistics.median(times)
    await page.goto(address)
    await page.wait_for_function(first)
    found["frames_a_second"] = await page.evaluate(SCROLL)
    await page.context.close()
    return found


async def new_page(browser: Browser) -> Page:
    """A page without anything cached."""
    context = await browser.new_context(viewport={"width": 1400, "height": 900})
    context.set_default_timeout(TIMEOUT_MS)
    return await context.new_page()


async def measured(base: str) -> dict[str, float]:
    """All figures."""
    static = ROOT / "src/dashboard/runwell_dashboard/static/assets"
    found = {"script_gzip_kb": sum(len(gzip.compress(file.read_bytes())) for file in static.glob("*.js")) / 1000}
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        found |= await long_curve(browser, base)
        found |= await many_charts(browser, base)
        wide = await table(browser, base, "wide")
        found |= {f"table_{name}": value for name, value in wide.items() if name != "frames_a_second"}
        found["scroll_frames_a_second"] = wide["frames_a_second"]
        many = await table(browser, base, "many")
        found |= {f"many_{name}": value for name, value in many.items() if name != "frames_a_second"}
        await browser.close()
    return found


def main() -> int:
    """Prints the figures beside their targets; 1 when one is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller stores")
    options = parser.parse_args()
    scale = Scale.quick() if options.quick else Scale()
    with tempfile.TemporaryDirectory(prefix="bench-ui-") as directory:
        data_dir = Path(directory)
        asyncio.run(write_store(data_dir, scale))
        with served(data_dir) as base:
            found = asyncio.run(measured(base))
    missed = []
    for name, value in found.items():
        verdict = ""
        if name in TARGETS or name in LEAST:
            wrong = value > TARGETS[name] if name in TARGETS else value < LEAST[name]
            missed += [name] * wrong
            bound = f"at most {TARGETS[name]:,}" if name in TARGETS else f"at least {LEAST[name]:,}"
            verdict = f"{bound}: {'MISSED' if wrong else 'reached'}"
        print(f"  {name:30} {value:12,.1f}  {verdict}", flush=True)
    print(json.dumps({"benchmark": "ui", **{name: round(value, 1) for name, value in found.items()}}))
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
