"""The trial of a sweep that this process works on: an agent in this process began it, or an agent started this process."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runwell._config_sources import read_values
from runwell._messages import warn
from runwell._settings import Settings, resolve


class ActiveTrial:
    """One attempt of a trial. Each ``init()`` within it is a run of its own, in the same group."""

    def __init__(
        self,
        entity: str,
        project: str,
        sweep_id: str,
        number: int,
        parameters: Mapping[str, Any],
        *,
        offline: bool = False,
    ) -> None:
        self.entity = entity
        self.project = project
        self.sweep_id = sweep_id
        self.number = number
        self.parameters = parameters
        self.offline = offline
        self._runs = 0

    def begin_run(
        self, settings: Settings, entity: str | None, project: str | None, run_id: str | None
    ) -> tuple[Settings, str]:
        """Settings and id of the trial's next run. The first has the same id in every attempt, and so has the second.

        What the caller chose himself is the sweep's to decide, and is ignored with a warning.
        """
        self._runs += 1
        group = f"{self.sweep_id}-{self.number}"
        own_id = group if self._runs == 1 else f"{group}-{self._runs}"
        for what, given, own in (
            ("entity", entity, self.entity),
            ("project", project, self.project),
            ("id", run_id, own_id),
        ):
            if given is not None and given != own:
                warn(f"init({what}={given!r:.80}) is ignored in a trial of sweep {self.sweep_id}: it is {own!r}")
        if self.offline and settings.mode == "online":
            # What the trial comes to is read from its spool.
            settings = settings._replace(mode="offline")
        settings = settings._replace(
            entity=self.entity,
            project=self.project,
            sweep_id=self.sweep_id,
            sweep_trial=self.number,
            run_group=settings.run_group or group,
        )
        return settings, own_id


_active: ActiveTrial | None = None


def enter(trial: ActiveTrial | None) -> None:
    """Makes it the trial of this process, until None is entered."""
    global _active
    _active = trial


def trial_of(settings: Settings) -> ActiveTrial | None:
    """The trial of this process; None when it has none."""
    if _active is None and settings.sweep_id is not None and settings.sweep_trial is not None:
        # What the agent said, before what a script says to init().
        said = resolve(None, {})
        assert said.sweep_id is not None
        parameters = {} if said.sweep_param_path is None else read_values(Path(said.sweep_param_path))
        name = (said.entity or "", said.project or "", said.sweep_id)
        enter(ActiveTrial(*name, settings.sweep_trial, parameters, offline=said.mode == "offline"))
    return _active
