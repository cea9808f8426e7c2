"""``runwell.sweep``."""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from runwell._api_http import HttpSource
from runwell._scalars import RefusedError
from runwell._settings import Settings, resolve, user_name
from runwell._values import convert_config_value
from runwell.core import names
from runwell.core.sweeps.config import read_config
from runwell.core.sweeps.problems import Place, SweepConfigError
from runwell.core.sweeps.stream import SweepName
from runwell.errors import UsageError
from runwell.sweeps.calls import ServerCalls


def sweep(
    sweep: Mapping[str, Any] | Callable[[], Mapping[str, Any]],
    entity: str | None = None,
    project: str | None = None,
    prior_runs: Sequence[str] | None = None,
    *,
    mode: str | None = None,
) -> str:
    """Creates a sweep and returns its id.

    ``sweep`` is its configuration, or a function that returns it; see docs/sweeps.md. ``prior_runs`` are ids of runs of the
    project that count as done. ``mode="offline"`` needs no server: ``runwell.agent`` on the same machine then works on it.
    Raises UsageError with everything that is wrong in the configuration.
    """
    document = sweep() if callable(sweep) else sweep
    settings = resolve(None, {"entity": entity, "project": project, "mode": mode})
    name = create(settings, document, entity, project, prior_runs or ())
    return name.sweep_id


def create(
    settings: Settings,
    document: Any,
    entity: str | None,
    project: str | None,
    prior_runs: Sequence[str],
    line_of: Callable[[Place], int | None] = lambda place: None,
) -> SweepName:
    """Checks a configuration and creates its sweep. Raises UsageError."""
    document = checked_document(document, line_of)
    name = SweepName(
        entity or document.get("entity") or settings.entity or user_name(),
        project or document.get("project") or settings.project or "uncategorized",
        names.run_id(os.urandom(8)),
    )
    for problem in (names.entity_problem(name.entity), names.project_problem(name.project)):
        if problem is not None:
            raise UsageError(problem)
    if settings.mode == "offline":
        from runwell.sweeps.local import create_local

        create_local(settings.root, name, json.dumps(document), user_name(), prior_runs)
        print(f"Create sweep with ID: {name.sweep_id}", file=sys.stderr)
        return name
    calls = ServerCalls(HttpSource(settings.base_url), name)
    calls.create(json.dumps(document), user_name(), prior_runs)
    print(f"Create sweep with ID: {name.sweep_id}", file=sys.stderr)
    print(f"Sweep URL: {calls.source.base_url}/{name.entity}/{name.project}/sweeps/{name.sweep_id}", file=sys.stderr)
    return name


def checked_document(document: Any, line_of: Callable[[Place], int | None] = lambda place: None) -> dict[str, Any]:
    """The configuration as JSON. Raises UsageError with all that is wrong."""
    try:
        plain = convert_config_value(document)
        read_config(plain, line_of)
    except SweepConfigError as error:
        raise UsageError(f"the sweep's configuration cannot be used:\n{error}") from None
    except (RefusedError, TypeError) as error:
        raise UsageError(f"the sweep's configuration cannot be written as JSON: {error}") from None
    return dict(plain)
