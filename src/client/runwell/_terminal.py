"""What a terminal would show of a stream: lines, of which a progress bar writes the same one again and again.

A carriage return begins the line anew with the next character that is seen, and the cursor may go up some lines, as bars
below each other do. Colours stay in the text.
"""

import re

LINE_CHARACTERS_MAX = 16_384
"""Of one line; the rest is cut off."""

LINES_KEPT = 64
"""So many lines the cursor can go up."""

CUT = " … cut off"

# Text, or one of: line feed, carriage return, cursor up, cursor down, erase.
_PIECES = re.compile("\n|\r|\x1b\\[(\\d*)([ABJK])")


class Screen:
    """One stream. ``take_number`` gives a line its number when it begins; ``changed`` is told of every line that changes."""

    def __init__(self) -> None:
        self._numbers: list[int] = []
        self._texts: list[str] = []
        self._row = 0
        self._anew = False

    def write(self, text: str, take_number: "Numbering", changed: dict[int, str]) -> None:
        """Takes in what was written."""
        place = 0
        for found in _PIECES.finditer(text):
            if found.start() > place:
                self._put(text[place : found.start()], take_number, changed)
            place = found.end()
            self._control(found[0], found[1], found[2], take_number, changed)
        if place < len(text):
            self._put(text[place:], take_number, changed)

    def _put(self, piece: str, take_number: "Numbering", changed: dict[int, str]) -> None:
        self._reach(take_number, changed)
        known = "" if self._anew else self._texts[self._row]
        self._anew = False
        if len(known) < LINE_CHARACTERS_MAX:
            known += piece
            if len(known) > LINE_CHARACTERS_MAX:
                known = known[:LINE_CHARACTERS_MAX] + CUT
        self._texts[self._row] = changed[self._numbers[self._row]] = known

    def _control(
        self, what: str, count: str | None, kind: str | None, take_number: "Numbering", changed: dict[int, str]
    ) -> None:
        if what == "\n":
            self._reach(take_number, changed)
            self._row += 1
            self._anew = self._row < len(self._texts)
        elif what == "\r":
            self._anew = True
        elif kind == "A":
            self._row = max(0, self._row - int(count[:4] if count else 1))
            self._anew = True
        elif kind == "B":
            self._row = min(len(self._texts), self._row + int(count[:4] if count else 1))
            self._anew = True
        elif kind == "K" and self._row < len(self._texts) and (count or "0") in ("1", "2"):
            self._anew = True

    def _reach(self, take_number: "Numbering", changed: dict[int, str]) -> None:
        """Makes the line that the cursor is in."""
        while self._row >= len(self._texts):
            self._numbers.append(take_number())
            self._texts.append("")
            changed.setdefault(self._numbers[-1], "")
            self._anew = False
        if len(self._texts) > 2 * LINES_KEPT:
            gone = len(self._texts) - LINES_KEPT
            if self._row >= gone:
                del self._texts[:gone], self._numbers[:gone]
                self._row -= gone


class Numbering:
    """Counts the lines of a writer, of both streams together."""

    def __init__(self) -> None:
        self.next = 0

    def __call__(self) -> int:
        number = self.next
        self.next += 1
        return number
