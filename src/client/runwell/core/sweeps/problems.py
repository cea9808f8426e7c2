"""What is wrong with a sweep's configuration: each thing with its place, so that all can be mended at once."""

from collections.abc import Callable
from dataclasses import dataclass, field

Place = tuple[str, ...]
"""Keys that lead to a part of the configuration, outermost first."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong."""

    place: Place
    message: str

    def __str__(self) -> str:
        return f"{'.'.join(self.place) or 'the configuration'}: {self.message}"


class SweepConfigError(ValueError):
    """A sweep's configuration cannot be used. ``problems`` says why, in the order of the configuration."""

    def __init__(self, problems: list[Problem], line_of: Callable[[Place], int | None] = lambda place: None) -> None:
        self.problems = problems
        lines = []
        for problem in problems:
            line = line_of(problem.place)
            lines.append(f"line {line}: {problem}" if line else str(problem))
        super().__init__("\n".join(lines))


@dataclass(slots=True)
class Report:
    """Problems found so far."""

    problems: list[Problem] = field(default_factory=list)

    def add(self, place: Place, message: str) -> None:
        self.problems.append(Problem(place, message))
