"""``runwell agent``: runs a sweep's trials as commands."""

import argparse

from runwell.cli._reading import reading


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares the command."""
    parser = subparsers.add_parser(
        "agent", help="work on a sweep", description="Runs trials of a sweep as commands, until there are no more."
    )
    parser.add_argument("sweep", metavar="SWEEP", help="ENTITY/PROJECT/ID, or PROJECT/ID or ID when that is clear")
    parser.add_argument("--count", type=_count, metavar="N", help="trials to run at most (default: no limit)")
    parser.add_argument("--jobs", type=_count, metavar="N", help="trials at once (default: 1, or as the GPUs allow)")
    parser.add_argument(
        "--gpus-per-trial", type=int, default=0, metavar="G", help="GPUs of each trial's own (default: 0)"
    )
    parser.add_argument("--entity", metavar="ENTITY", help="of the sweep, when SWEEP does not say it")
    parser.add_argument("--project", metavar="PROJECT", help="of the sweep, when SWEEP does not say it")
    parser.set_defaults(run=reading(run))


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("it must be at least 1")
    return number


def run(options: argparse.Namespace) -> int:
    """Works until the sweep is over; 1 when the agent stopped since its first trials failed."""
    from runwell._settings import resolve
    from runwell.sweeps.commands import run_commands
    from runwell.sweeps.functions import calls_of

    settings = resolve(None, {})
    calls, settings = calls_of(settings, options.sweep, options.entity, options.project)
    return run_commands(calls, settings, options.count, options.jobs, options.gpus_per_trial)
