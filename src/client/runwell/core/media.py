"""Media of a run's rows: values with files, which arrive when they are encoded, after the row itself.

A MediaLogged is taken as one more record of its row, which it names by step and time. So whatever holds for rows holds for
it: values of one step are merged, a later attempt hides an earlier one's, and a hidden row's media are hidden. It moves
neither the run's last step nor any count, since its row did.
"""

from typing import Any

MASKED = 1
"""RowFlag.ROW_FLAG_MASKED."""

ROW_EVENTS = frozenset({"metric_logged", "media_logged"})
"""Events with rows of the history."""


def as_row(event: Any) -> Any:
    """A MediaLogged event as a MetricLogged one; a MetricLogged event as it is."""
    if event.WhichOneof("event") != "media_logged":
        return event
    media = event.media_logged
    made = type(event)(index=event.index, time=event.time)
    row = made.metric_logged
    row.rows = 1
    row.steps.append(media.step)
    row.times.append(media.time or event.time)
    if media.masked:
        row.flags.append(MASKED)
    row.columns.add(key=media.key).json.values.append(media.value_json)
    return made


def media_type(value: Any) -> str | None:
    """The ``_type`` of a value that pages show as more than a number or a text; None of any other value."""
    if isinstance(value, dict) and isinstance(value.get("_type"), str):
        return str(value["_type"])
    if isinstance(value, list) and value:
        kinds = {media_type(item) for item in value}
        if len(kinds) == 1:
            return kinds.pop()
        return "list" if kinds - {None} else None
    return None
