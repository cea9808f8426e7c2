"""What a run says of itself: names, places, and where it stands."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from runwell import _messages
from runwell._config import Config, ConfigStatic
from runwell._disk import percent_quoted
from runwell._settings import Settings
from runwell.core.limits import NAME_CHARACTERS_MAX, STRING_BYTES_MAX
from runwell.core.names import tag_problem, text_problem
from runwell.errors import UsageError


class RunFacts(NamedTuple):
    """What does not change while a run is open."""

    entity: str
    project: str
    run_id: str
    name: str
    group: str | None
    job_type: str | None
    notes: str | None
    tags: tuple[str, ...]
    attempt: int
    resumed: bool
    starting_step: int
    start_time: float
    earlier_s: float = 0.0
    """How long earlier attempts took."""
    earlier_row: Mapping[str, Any] | None = None
    """``_step``, ``_timestamp`` and ``_runtime`` of their last row."""

    @property
    def key(self) -> tuple[str, str, str]:
        """Entity, project and run id."""
        return self.entity, self.project, self.run_id


class DescribedRun:
    """The part of ``Run`` that only tells, or changes what it is called."""

    _facts: RunFacts
    _settings: Settings
    _config: Config

    def _describe(self, fields: dict[str, Any]) -> None:
        """Keeps changed names, notes or tags."""
        raise NotImplementedError

    @property
    def id(self) -> str:
        return self._facts.run_id

    @property
    def name(self) -> str:
        """What people see; it can be set, at any time."""
        return self._facts.name

    @name.setter
    def name(self, name: str) -> None:
        _check_text("name", name, NAME_CHARACTERS_MAX)
        self._describe({"name": name})
        self._facts = self._facts._replace(name=name)

    @property
    def entity(self) -> str:
        return self._facts.entity

    @property
    def project(self) -> str:
        return self._facts.project

    @property
    def path(self) -> str:
        """``entity/project/id``."""
        return "/".join(self._facts.key)

    @property
    def _attach_id(self) -> str:
        """What ``runwell._attach`` takes."""
        return self.path

    @property
    def group(self) -> str | None:
        return self._facts.group

    @property
    def job_type(self) -> str | None:
        return self._facts.job_type

    @property
    def notes(self) -> str | None:
        """It can be set, at any time."""
        return self._facts.notes

    @notes.setter
    def notes(self, notes: str) -> None:
        _check_text("notes", notes, STRING_BYTES_MAX)
        self._describe({"notes": notes})
        self._facts = self._facts._replace(notes=notes)

    @property
    def tags(self) -> tuple[str, ...]:
        """They can be set, at any time: ``run.tags += ("checked",)``. What is no tag is left out, with a warning."""
        return self._facts.tags

    @tags.setter
    def tags(self, tags: Sequence[str]) -> None:
        kept = []
        for tag in dict.fromkeys((tags,) if isinstance(tags, str) else tuple(tags)):
            problem = tag_problem(tag)
            if problem is None:
                kept.append(tag)
            else:
                _messages.warn(f"{problem}. It is left out")
        self._describe({"tags": {"values": kept}})
        self._facts = self._facts._replace(tags=tuple(kept))

    @property
    def attempt(self) -> int:
        """1 for a new run, and one more for each time it was continued."""
        return self._facts.attempt

    @property
    def resumed(self) -> bool:
        """Whether ``resume`` continued an earlier attempt."""
        return self._facts.resumed

    @property
    def starting_step(self) -> int:
        """The step of the first plain ``log()``."""
        return self._facts.starting_step

    @property
    def start_time(self) -> float:
        """When this attempt began, in unix seconds."""
        return self._facts.start_time

    @property
    def sweep_id(self) -> str | None:
        """The sweep that the run is a trial of."""
        return self._settings.sweep_id

    @property
    def config_static(self) -> ConfigStatic:
        """The config as it is now, read-only."""
        return ConfigStatic(self._config.as_dict())

    @property
    def settings(self) -> Settings:
        return self._settings

    @property
    def offline(self) -> bool:
        return self._settings.mode == "offline"

    @property
    def disabled(self) -> bool:
        return self._settings.mode == "disabled"

    @property
    def url(self) -> str | None:
        """The run on its server; None when none is known, or the run is offline or disabled."""
        if self._settings.mode != "online" or self._settings.base_url is None:
            return None
        return "/".join((self._settings.base_url.rstrip("/"), *map(percent_quoted, self._facts.key)))

    @property
    def project_url(self) -> str | None:
        """The project on its server; None as for ``url``."""
        url = self.url
        return None if url is None else url.rpartition("/")[0]

    @property
    def sweep_url(self) -> str | None:
        """The sweep on its server; None as for ``url``, and for a run that is no trial."""
        project, sweep = self.project_url, self.sweep_id
        return None if project is None or sweep is None else f"{project}/sweeps/{percent_quoted(sweep)}"

    def get_url(self) -> str | None:
        """``url``."""
        return self.url

    def get_project_url(self) -> str | None:
        """``project_url``."""
        return self.project_url

    def get_sweep_url(self) -> str | None:
        """``sweep_url``."""
        return self.sweep_url

    def project_name(self) -> str:
        """``project``."""
        return self.project


def _check_text(what: str, text: object, characters_max: int) -> None:
    problem = text_problem(what, text, characters_max)
    if problem is not None:
        raise UsageError(problem)
