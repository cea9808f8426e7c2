"""``runwell edit``: changes what a run is called, and its tags, config and summary."""

import argparse
import json
from typing import Any

from runwell._api_errors import RequestRefusedError
from runwell._api_runs import Run
from runwell.cli._reading import reading


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares the command."""
    parser = subparsers.add_parser(
        "edit",
        help="change a run",
        description="Changes a run, also after its end. All that is said in one call is one change; `runwell undo` takes it back.",
    )
    parser.add_argument("path", metavar="RUN", help="ENTITY/PROJECT/ID, or PROJECT/ID or ID when that is clear")
    parser.add_argument("--name", help="its name")
    parser.add_argument("--notes", help="its notes, in Markdown")
    parser.add_argument("--group", help="its group; an empty text for none")
    for flag, what in (("--tag", "add this tag"), ("--untag", "remove this tag")):
        parser.add_argument(flag, metavar="TAG", action="append", default=[], help=what)
    for section in ("config", "summary"):
        parser.add_argument(
            f"--set-{section}",
            metavar="KEY=VALUE",
            action="append",
            default=[],
            help=f"a value of its {section}; VALUE is JSON, else text; KEY may lead into nested values with dots",
        )
        parser.add_argument(
            f"--unset-{section}", metavar="KEY", action="append", default=[], help=f"remove this key of its {section}"
        )
    parser.set_defaults(run=reading(edit_run))


def edit_run(options: argparse.Namespace) -> int:
    """Makes the change, and says what it was."""
    from runwell._api import Api

    run = Api().run(options.path)
    for name in ("name", "notes", "group"):
        if getattr(options, name) is not None:
            setattr(run, name, getattr(options, name))
    _retag(run, options.tag, options.untag)
    for section in ("config", "summary"):
        values = getattr(run, section)
        for assignment in getattr(options, f"set_{section}"):
            _set(values, *_assigned(assignment))
        for key in getattr(options, f"unset_{section}"):
            _unset(values, key, section)
    before = run.view["edited_at"]
    run.update()
    if run.view["edited_at"] == before:
        print("nothing to change")
    else:
        print(f"changed {run._run_name}; `runwell undo {run._run_name}` takes it back")
    return 0


def _retag(run: Run, added: list[str], removed: list[str]) -> None:
    for tag in removed:
        if tag not in run.tags:
            raise RequestRefusedError(f"the run has no tag {tag!r}; it has {', '.join(run.tags) or 'none'}")
    kept = [tag for tag in run.tags if tag not in removed]
    run.tags = [*kept, *(tag for tag in added if tag not in kept)]


def _assigned(text: str) -> tuple[str, Any]:
    key, sign, value = text.partition("=")
    if not sign or not key.strip():
        raise RequestRefusedError(f"{text!r:.100} is not KEY=VALUE")
    try:
        return key, json.loads(value)
    except (ValueError, RecursionError):
        return key, value


def _place(values: dict[str, Any], key: str) -> tuple[dict[str, Any], str]:
    """The dict that holds a key with dots, and the key in it: a key that is there as it is comes first."""
    while key not in values:
        labels = key.split(".")
        heads = [".".join(labels[:cut]) for cut in range(len(labels) - 1, 0, -1)]
        head = next((head for head in heads if isinstance(values.get(head), dict)), None)
        if head is None:
            break
        values, key = values[head], key[len(head) + 1 :]
    return values, key


def _set(values: dict[str, Any], key: str, value: Any) -> None:
    holder, label = _place(values, key)
    holder[label] = value


def _unset(values: dict[str, Any], key: str, section: str) -> None:
    holder, label = _place(values, key)
    if label not in holder:
        raise RequestRefusedError(
            f"the {section} has no {key!r}; it has {', '.join(map(str, values)) or 'nothing'}"[:500]
        )
    del holder[label]
