"""``runwell undelete``: shows deleted runs again."""

import argparse

from runwell.cli._reading import reading


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares the command."""
    parser = subparsers.add_parser(
        "undelete", help="show deleted runs again", description="Shows deleted runs again, with everything they had."
    )
    parser.add_argument("paths", metavar="RUN", nargs="+", help="ENTITY/PROJECT/ID, as `runwell rm` said it")
    parser.set_defaults(run=reading(undelete_runs))


def undelete_runs(options: argparse.Namespace) -> int:
    """Shows them again."""
    from runwell._api import Api

    for path in options.paths:
        run = Api().run(path)
        if run.deleted:
            run.restore()
            print(f"{run._run_name} is there again")
        else:
            print(f"{run._run_name} is not deleted")
    return 0
