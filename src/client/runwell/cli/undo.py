"""``runwell undo``: takes back what somebody changed of a run."""

import argparse

from runwell.cli._reading import reading


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares the command."""
    parser = subparsers.add_parser(
        "undo",
        help="take back a change of a run",
        description="Takes back a change, as if it had never been made. That is a change too, and can be taken back.",
    )
    parser.add_argument("path", metavar="RUN", help="ENTITY/PROJECT/ID, or PROJECT/ID or ID when that is clear")
    parser.add_argument(
        "change", metavar="CHANGE", nargs="?", help="as `runwell show RUN --changes` lists it; default: the latest one"
    )
    parser.set_defaults(run=reading(undo_change))


def undo_change(options: argparse.Namespace) -> int:
    """Takes it back."""
    from runwell._api import Api

    run = Api().run(options.path).undo(options.change)
    print(f"taken back; `runwell show {run._run_name} --changes` lists all changes")
    return 0
