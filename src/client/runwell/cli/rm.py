"""``runwell rm``: hides runs."""

import argparse

from runwell.cli._reading import reading


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares the command."""
    parser = subparsers.add_parser(
        "rm",
        help="delete runs",
        description="Hides runs from every list. Nothing of them is removed, and `runwell undelete` shows them again.",
    )
    parser.add_argument(
        "paths", metavar="RUN", nargs="+", help="ENTITY/PROJECT/ID, or PROJECT/ID or ID when that is clear"
    )
    parser.set_defaults(run=reading(remove_runs))


def remove_runs(options: argparse.Namespace) -> int:
    """Hides them; looks first whether all are there."""
    from runwell._api import Api

    reader = Api()
    for run in [reader.run(path) for path in options.paths]:
        run.delete()
        print(f"deleted {run._run_name}; `runwell undelete {run._run_name}` shows it again")
    return 0
