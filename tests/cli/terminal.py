"""The command line as its users meet it: in a terminal, and at the end of a pipe."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from dataclasses import dataclass

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
    """Runs `runwell` with its output in a pipe."""
    done = subprocess.run([sys.executable, "-m", "runwell", *arguments], capture_output=True, check=False, timeout=30)
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


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
