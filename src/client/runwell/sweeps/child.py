"""``python child.py AGENT COMMAND…``: becomes the command, and on Linux is sent SIGTERM when the agent dies, however.

A script of its own, that imports as little as can be: it runs before every trial.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
COMMAND_NOT_FOUND = 127


def main() -> None:
    """Does not return."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != int(sys.argv[1]):
            # It died before it was asked for.
            os._exit(128 + signal.SIGTERM)
    command = sys.argv[2:]
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.stderr.write(f"runwell: {command[0]} cannot be started: {error.strerror}\n")
        sys.exit(COMMAND_NOT_FOUND)


if __name__ == "__main__":
    main()
