"""Runs as the views keep them: the fold between transactions, and its row in the runs table."""

from collections import OrderedDict
from functools import partial
from itertools import islice
from typing import Any

from runwell.core.fold import RunFold
from runwell.core.run_view import run_head, summary
from runwell.core.stamps import Stamp
from runwell_collector.log import RunId, StoredBatch
from runwell_projector.gauges import Gauges, exposed, gauges_of
from runwell_projector.kept_summary import KeptSummary
from runwell_projector.leaves import Section, compact, leaves_json, list_json, section_texts, strict_json

PLAIN_COLUMNS = (
    "name",
    "group",
    "job_type",
    "notes",
    "user",
    "host",
    "state",
    "exit_code",
    "created_at",
    "updated_at",
    "duration_s",
    "attempts",
    "last_step",
    "sweep",
    "trial",
    "program",
    "python_version",
)
GAUGE_COLUMNS = ("made_at", "series", "gauges")
JSON_COLUMNS = ("tags", "lanes", "git", "records", "config", "summary", "view")
"""The largest last: SQLite reads a row up to the last column that is asked for."""
COLUMNS = ("number", "entity", "project", "run_id", *PLAIN_COLUMNS, "deleted", *GAUGE_COLUMNS, *JSON_COLUMNS)
QUOTED_COLUMNS = [f'"{name}"' for name in COLUMNS]
WRITE_RUN = (
    f"INSERT INTO run ({', '.join(QUOTED_COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))}) "
    f"ON CONFLICT (number) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in QUOTED_COLUMNS[4:])}"
)

KeySet = tuple[str, tuple[str, ...]]
"""A stream and keys that were logged together in it."""


class OpenRun:
    """A run in memory: its number in the views, its fold, and the numbers of its lanes and key sets."""

    def __init__(
        self,
        number: int,
        fold: RunFold,
        key_sets: dict[KeySet, int],
        tails: dict[tuple[int, int], int],
        sealed: set[tuple[int, int]],
        part_bytes: dict[int, int],
    ) -> None:
        self.number = number
        self.fold = fold
        self.key_sets = key_sets
        self.tails = tails
        """Rows in the tail by lane and key set."""
        self.sealed = sealed
        """Lanes and key sets of which there are sealed rows."""
        self.part_bytes = part_bytes
        """How much each part of the fold takes in the views."""
        self.lanes = {writer: lane for lane, writer in enumerate(fold.lanes)}
        self._config: tuple[tuple[list[Stamp], dict[str, Any]], Section] | None = None
        self._definitions: str | None = None
        self._summary: KeptSummary | None = None
        self.pending: list[StoredBatch] = []
        """Batches of the transaction under way that were folded."""

    def lane(self, writer: str) -> int:
        """The lane's number: lanes are counted in the order in which the log has them."""
        for name in islice(self.fold.lanes, len(self.lanes), None):
            self.lanes[name] = len(self.lanes)
        return self.lanes[writer]

    def row(self) -> tuple[Any, ...]:
        """The run's row."""
        lanes = [[head.writer, head.attempt, head.zero_time, head.step_max] for head in self.fold.lane_heads()]
        view = run_head(self.fold)
        if self._summary is not None and self._summary.update(self.fold):
            exposed_of, section = self._summary.exposed, self._summary.section()
        else:
            found = summary(self.fold)
            self._summary = KeptSummary.of(self.fold, found)
            exposed_of, section = partial(exposed, found), section_texts(found)
        return run_row(
            self.number,
            view,
            lanes,
            gauges_of(self.fold, view, exposed_of),
            self._config_texts(view["config"]),
            section,
        )

    def new_definitions(self) -> str | None:
        """The metrics' definitions, where step metrics are carried along and they are not those of the last call."""
        rules = self.fold.metrics.rules() if self.fold.metrics.by_name else None
        text = compact(rules.view()) if rules is not None and (rules.synchronise or self._definitions) else None
        if text == self._definitions:
            return None
        self._definitions = text
        return text

    def lineage(self) -> tuple[int, str | None, str]:
        """The run's row of lineage."""
        origin = self.fold.field("forked_from", None)
        return self.number, None if origin is None else compact(list(origin.values())), compact(self.fold.rewinds)

    def _config_texts(self, config: dict[str, Any]) -> Section:
        """The config's texts, made anew only when something was written: most runs set their config once."""
        stamps = [stamp for stamp, _ in self.fold.config.values()]
        written = stamps, self.fold.edited.config
        if self._config is None or self._config[0] != written:
            self._config = written, section_texts(config)
        return self._config[1]


def run_row(
    number: int,
    view: dict[str, Any],
    lanes: list[list[Any]],
    gauges: Gauges,
    config: Section,
    summary: Section,
) -> tuple[Any, ...]:
    """A run's row, in the order of ``COLUMNS``."""
    rest = {name: value for name, value in view.items() if name not in ("config", "summary")}
    return (
        number,
        *(view[name] for name in ("entity", "project", "run_id", *PLAIN_COLUMNS)),
        view["deleted"],
        *gauges,
        list_json(view["tags"]),
        compact(lanes),
        leaves_json(view["git"] or {}),
        strict_json(view["records"]),
        config.leaves,
        summary.leaves,
        f'{compact(rest)[:-1]},"config":{config.text},"summary":{summary.text}}}',
    )


class RunCache:
    """Runs kept in memory between transactions; the one used longest ago leaves first.

    Bounded by the size of the states as they are stored, of which memory takes about ten times as much.
    """

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._runs: OrderedDict[RunId, tuple[OpenRun, int]] = OrderedDict()

    def get(self, run: RunId) -> OpenRun | None:
        """The run when it is kept."""
        found = self._runs.get(run)
        if found is None:
            return None
        self._runs.move_to_end(run)
        return found[0]

    def keep(self, run: RunId, opened: OpenRun, state_bytes: int) -> None:
        """Keeps a run whose state was just written."""
        self.drop(run)
        self._runs[run] = (opened, state_bytes)
        self._bytes += state_bytes
        while self._bytes > self._bytes_max and len(self._runs) > 1:
            _, (_, freed) = self._runs.popitem(last=False)
            self._bytes -= freed

    def drop(self, run: RunId) -> None:
        """Forgets a run whose memory is not what is stored."""
        found = self._runs.pop(run, None)
        if found is not None:
            self._bytes -= found[1]

    def clear(self) -> None:
        """Forgets everything."""
        self._runs.clear()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._runs)
