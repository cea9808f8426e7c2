"""``python -m runwell.supervisor.child MODULE ARGUMENT...`` runs MODULE as a program that ends when its standard input does.

Standard input is a pipe whose other end only the supervisor holds. The kernel closes it with the supervisor, also after
SIGKILL, on every operating system.
"""

import os
import runpy
import signal
import sys
import threading

GRACE_S = 10.0
"""A child that has not stopped this long after its supervisor's death ends at once: its port must become free."""


def _end_with_supervisor() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Timer(GRACE_S, os._exit, [1]).start()


def main() -> None:
    """Runs the module that the first argument names, in this process, as ``python -m`` would."""
    threading.Thread(target=_end_with_supervisor, daemon=True).start()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
