"""What differs between two outcomes, and the table of the differences that are meant."""

import json
import re
import zlib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from tests.differential.playing import Outcome

NOTHING = "nothing"
TEXT_CHARACTERS_MAX = 60
ENTRY = re.compile(r"^\| `(?P<places>[^|]*)` \| (?P<ours>[^|]*) \| (?P<theirs>[^|]*) \| (?P<reason>[^|]+) \|$")


@dataclass(frozen=True)
class Difference:
    """One place where the clients differ, with both values as JSON text, or ``nothing``."""

    place: str
    ours: str
    theirs: str

    def __str__(self) -> str:
        return f"| `{self.place}` | `{self.ours}` | `{self.theirs}` | |"


@dataclass(frozen=True)
class Entry:
    """One line of the table: a pattern of places, and what either client has there."""

    place: str
    ours: str
    theirs: str

    def explains(self, difference: Difference) -> bool:
        """Whether the line is about the difference, values included."""
        return (
            fnmatchcase(difference.place, escaped(self.place))
            and fnmatchcase(difference.ours, escaped(self.ours))
            and fnmatchcase(difference.theirs, escaped(self.theirs))
        )


def escaped(pattern: str) -> str:
    """The pattern with brackets that mean themselves: only * and ? stand for something else."""
    return pattern.replace("[", "[[]")


def differences(ours: Outcome, theirs: Outcome) -> list[Difference]:
    """Every place that is not the same in both, bit by bit."""
    places = sorted(ours.keys() | theirs.keys())
    found = [Difference(place, *texts(ours.get(place, ...), theirs.get(place, ...))) for place in places]
    return [difference for difference in found if difference.ours != difference.theirs]


def texts(ours: Any, theirs: Any) -> tuple[str, str]:
    """Both values as texts that are equal when the values and their types are.

    Whole floats are told apart from the same numbers as integers by words, so that one line of the table can be about them.
    """
    mine, other = text(ours), text(theirs)
    return ("a float", "the integer") if mine != other and text(whole(ours)) == other else (mine, other)


def whole(value: Any) -> Any:
    """The value as Go writes it: a float without a fraction is an integer."""
    if isinstance(value, float) and value.is_integer() and str(value) != "-0.0":
        return int(value)
    return [whole(item) for item in value] if isinstance(value, list) else value


def text(value: Any) -> str:
    """JSON, in a form that a table can hold; of a long one its start and its checksum."""
    if value is ...:
        return NOTHING
    json_text = json.dumps(value).replace("|", "\\u007c").replace("`", "\\u0060")
    if len(json_text) <= TEXT_CHARACTERS_MAX:
        return json_text
    return f"{json_text[:TEXT_CHARACTERS_MAX]}... {zlib.crc32(json_text.encode()):08x}"


def read_table(document: str) -> list[Entry]:
    """The table of a document: each place of each line is an entry."""
    entries = []
    for line in document.splitlines():
        match = ENTRY.match(line)
        if match is not None:
            ours, theirs = match["ours"].strip().strip("`"), match["theirs"].strip().strip("`")
            entries += [Entry(place, ours, theirs) for place in match["places"].split("`, `")]
    return entries
