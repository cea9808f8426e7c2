"""What a training process runs to start the forwarder: ``launch.py sync --follow --base-url URL DIRECTORY``.

It does what ``runwell sync --follow`` does, without the command line and the SDK: the end of a short run waits for it.
"""

import os
import sys
from types import ModuleType


def main(base_url: str, spool_directory: str) -> int:
    """Forks at once, so that the training process soon has no child of ours, and becomes the forwarder unless there is one."""
    if os.fork():
        os._exit(0)
    _leave_out_the_sdk()
    from pathlib import Path

    from runwell.forwarder.detached import become_forwarder
    from runwell.forwarder.errand import errand

    directory = Path(spool_directory)
    return become_forwarder(errand([directory], base_url, directory.parent, follow=True))


def _leave_out_the_sdk() -> None:
    """Modules of the package can be imported, and the package's own ``__init__``, a fifth of the start, is not run."""
    package = ModuleType("runwell")
    package.__path__ = [os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]
    sys.modules["runwell"] = package


if __name__ == "__main__":
    sys.exit(main(*sys.argv[-2:]))
