"""``runwell tail``: a run while it goes on."""

import argparse
import json
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from runwell._api_source import RunName
from runwell.cli._live import LiveRun, bar, spark
from runwell.cli._reading import api, reading
from runwell.cli._shown import duration, printable, short
from runwell.cli._tables import STATE_STYLES, is_terminal
from runwell.cli.logs import shown_line
from runwell.errors import Error

if TYPE_CHECKING:
    from rich.console import RenderableType

REFRESH_S = 0.25
"""A terminal is drawn anew at most this often."""

STATES_OVER = ("finished", "failed", "crashed")
CURVE_WIDTH = 40
BAR_WIDTH = 24


class News(NamedTuple):
    """``kind`` is "row", "sample", "line" or "run"."""

    kind: str
    content: dict[str, Any]


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares the command."""
    parser = subparsers.add_parser(
        "tail",
        help="follow a run",
        description="Shows a run while it goes on: last values with their curves, and what its machines do. Into a file or a "
        "pipe it prints each row as it comes. Ends with the run.",
    )
    parser.add_argument("path", metavar="RUN", help="ENTITY/PROJECT/ID, or PROJECT/ID or ID when that is clear")
    parser.add_argument(
        "--json", action="store_true", help="each row, sample and change of state as one line of exact JSON"
    )
    parser.set_defaults(run=reading(tail), spool=None)


def tail(options: argparse.Namespace) -> int:
    """Follows until the run has ended."""
    from runwell._api_http import HttpSource

    run = api(options).run(options.path)
    live = LiveRun(run.view)
    news = _news(HttpSource().base_url, RunName(*run.path))
    if options.json:
        _print_news(live, news, lambda said: json.dumps({"kind": said.kind, **said.content}))
    elif is_terminal():
        _draw(live, news)
    else:
        _print_news(live, news, _line)
    return 0


def _news(base_url: str, run: RunName) -> "Iterator[News | None]":
    """Rows, samples and states as they come, None when there is nothing new; ends with the run."""
    from runwell._api_events import follow

    arrived: queue.SimpleQueue[News | Error] = queue.SimpleQueue()

    def read(stream: str) -> None:
        try:
            for told in follow(base_url, run, {"stream": stream, "console": int(stream == "default")}):
                for news in _news_of(told.kind, told.content or {}, stream):
                    arrived.put(news)
        except Error as error:
            arrived.put(error)

    for stream in ("default", "system"):
        threading.Thread(target=read, args=[stream], name=f"runwell-{stream}", daemon=True).start()
    while True:
        try:
            said = arrived.get(timeout=REFRESH_S)
        except queue.Empty:
            yield None
            continue
        if isinstance(said, Error):
            raise said
        yield said
        if said.kind == "run" and said.content.get("state") in STATES_OVER:
            return


def _news_of(kind: str, content: dict[str, Any], stream: str) -> "Iterator[News]":
    if kind == "rows":
        for row in content["rows"]:
            yield News({"default": "row", "system": "sample"}[stream], row)
    elif kind == "console":
        for line in content["lines"]:
            yield News("line", line)
    elif stream == "default":
        yield News("run", {name: value for name, value in content.items() if name != "run"})


def _take(live: LiveRun, said: News) -> None:
    if said.kind == "row":
        live.add_row(said.content)
    elif said.kind == "sample":
        live.add_sample(said.content)
    elif said.kind == "line":
        live.add_line(said.content)
    else:
        live.view |= said.content


def _print_news(live: LiveRun, news: "Iterator[News | None]", shown: Callable[[News], str | None]) -> None:
    for said in news:
        if said is not None and (line := shown(said)) is not None:
            print(line, flush=True)


def _line(said: News) -> str | None:
    if said.kind == "sample":
        return None
    if said.kind == "line":
        return f"{'stderr' if said.content['stderr'] else 'stdout'}\t{shown_line(said.content['text'], plain=True)}"
    if said.kind == "run":
        return f"state\t{said.content.get('state')}"
    values = (f"{printable(key)}={short(value)}" for key, value in said.content.items() if not key.startswith("_"))
    return "\t".join([f"step {said.content['_step']}", *values])


def _draw(live: LiveRun, news: "Iterator[News | None]") -> None:
    from rich.console import Console
    from rich.live import Live

    console = Console(highlight=False, markup=False, emoji=False)
    plain = not (sys.stdout.encoding or "").lower().startswith("utf")
    with Live(_screen(live, console.height, plain), console=console, auto_refresh=False) as drawn:
        drawn_at = time.monotonic()
        for said in news:
            if said is not None:
                _take(live, said)
            if time.monotonic() - drawn_at >= REFRESH_S:
                drawn.update(_screen(live, console.height, plain), refresh=True)
                drawn_at = time.monotonic()
        drawn.update(_screen(live, console.height, plain), refresh=True)


def _screen(live: LiveRun, height: int, plain: bool) -> "RenderableType":
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    view, bars = live.view, live.bars()
    records = view["records"]
    head = Text.assemble(
        (printable(view["name"]), "bold"),
        f"  {view['entity']}/{view['project']}/{printable(view['run_id'])}  ",
        (view["state"], STATE_STYLES.get(view["state"], "")),
        f"  step {view['last_step'] if live.step is None else live.step}  {duration(view['duration_s'])}  ",
        (f"{records['stored']:,} of {records['expected']:,} records", "dim"),
    )
    metrics = Table(box=None, pad_edge=False, show_header=False)
    lines = [
        Text.from_ansi(shown_line(text, plain=plain), no_wrap=True, overflow="ellipsis") for text in live.last_lines()
    ]
    room = max(3, height - len(bars) - len(lines) - 7)
    for name, values in sorted(live.metrics.items())[:room]:
        curve = "" if plain else spark(values, CURVE_WIDTH)
        metrics.add_row(Text(printable(name)), Text(short(values[-1]), justify="right"), Text(curve, "cyan"))
    if not live.metrics:
        metrics.add_row(Text("no rows since this began", "dim"))
    if len(live.metrics) > room:
        metrics.add_row(Text(f"and {len(live.metrics) - room} more: enlarge the window", "dim"))
    system = Table(box=None, pad_edge=False, show_header=False)
    for name, share, text in bars:
        drawn = "" if plain else bar(share, BAR_WIDTH)
        system.add_row(
            Text(printable(name)), Text(drawn, "red" if share > 0.95 else "green"), Text(text, justify="right")
        )
    console = [Text(), *lines] if lines else []
    return Group(head, Text(), metrics, Text(), system, *console) if bars else Group(head, Text(), metrics, *console)
