"""``runwell sync``: sends what spools hold to a server; ``--follow`` is the forwarder that runs beside training processes."""

import argparse
import os
import sys
from pathlib import Path

DESCRIPTION = """Sends what spools hold and the server has not. It can be repeated and interrupted at any time: every record
arrives once. The exit status is 1 when anything could not be sent."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares the command."""
    parser = subparsers.add_parser("sync", help="send spooled runs to a server", description=DESCRIPTION)
    parser.add_argument(
        "paths",
        nargs="*",
        type=Path,
        metavar="PATH",
        help="root directory, directory of spools, or one spool (default: $RUNWELL_DIR, else ~/.runwell)",
    )
    parser.add_argument(
        "--follow",
        action="store_true",
        help="leave the terminal and go on sending as long as runs are written, and a minute more; one for each directory",
    )
    parser.add_argument(
        "--base-url",
        metavar="URL",
        help="the server (default: RUNWELL_BASE_URL, else the one that `runwell up` started on the same root directory)",
    )
    parser.set_defaults(run=lambda options: sync(parser, options))


def sync(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    """Sends in the foreground, or becomes the forwarder."""
    from runwell.forwarder.address import ServerUnreachableError
    from runwell.forwarder.errand import errand

    default = Path(os.environ.get("RUNWELL_DIR") or "~/.runwell").expanduser()
    for path in options.paths:
        if not path.is_dir():
            parser.error(f"{path} is not a directory")
    try:
        plan = errand(options.paths or [default], options.base_url, default, follow=options.follow)
    except ServerUnreachableError as error:
        print(f"runwell: {error}", file=sys.stderr)
        return 1
    if not plan.follow:
        from runwell.cli._sync_report import send

        return send(plan)
    if len(plan.places) != 1 or plan.spools:
        parser.error("--follow looks after one directory of spools")
    # Before anything with threads is imported, since those do not survive a fork.
    if os.fork():
        return 0
    from runwell.forwarder.detached import become_forwarder

    return become_forwarder(plan)
