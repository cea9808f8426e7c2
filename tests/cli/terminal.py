"""The command line as its users meet it: in a terminal, and at the end of a pipe."""

import contextlib
import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from dataclasses import dataclass

from runwell.cli import main

STYLES = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Ended:
    """What a command printed and how it ended; ``plain`` is its output without colours."""

    status: int
    output: str
    errors: str = ""

    @property
    def plain(self) -> str:
        return STYLES.sub("", self.output)


def piped(*arguments: str) -> Ended:
    """Runs `runwell` with its output where nobody sees it, within this process."""
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        try:
            status = main(arguments)
        except SystemExit as ended:
            status = int(ended.code or 0)
    return Ended(status, output.getvalue(), errors.getvalue())


def in_terminal(*arguments: str, columns: int = 160, **environment: str) -> Ended:
    """Runs `runwell` in a terminal of its own."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR", "CI")}
    environ = kept | {"TERM": "xterm-256color", "PYTHONUTF8": "1"} | environment
    command = [sys.executable, "-m", "runwell", *arguments]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environ) as process:
        os.close(theirs)
        output = b""
        try:
            while piece := os.read(ours, 1 << 16):
                output += piece
        except OSError:
            pass  # Linux says EIO where the other end of a terminal is closed.
        os.close(ours)
        return Ended(process.wait(30), output.decode().replace("\r\n", "\n"))
