"""What the commands that read have in common: where from, and how failures are told."""

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from runwell._api_errors import RequestRefusedError
from runwell.errors import Error

if TYPE_CHECKING:
    from runwell._api import Api

FAILED = 1
USAGE = 2


def add_reading_arguments(parser: argparse.ArgumentParser) -> None:
    """``--spool`` and ``--json``."""
    parser.add_argument("--spool", metavar="DIR", help="read the spools in this directory, without a server")
    parser.add_argument("--json", action="store_true", help="exact JSON (with the literals NaN and Infinity)")


def api(options: argparse.Namespace) -> "Api":
    """Reads where the options say."""
    from runwell._api import Api

    return Api(spool=options.spool)


def reading(command: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """The command, with what goes wrong as one line on standard error and an exit status."""

    def run(options: argparse.Namespace) -> int:
        try:
            return command(options)
        except RequestRefusedError as error:
            return _told(error, USAGE)
        except Error as error:
            return _told(error, FAILED)

    return run


def _told(error: Error, status: int) -> int:
    print(f"runwell: {error}", file=sys.stderr)
    return status
