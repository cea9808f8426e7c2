"""``resume="auto"``: which run a script goes on with that did not end well the last time.

What a script in a directory has begun is noted under the root directory, and the note goes when the run ends with exit
code 0. While the process that wrote it is alive its run is not taken over.
"""

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from runwell._provenance import program, working_directory


class AutoResume(NamedTuple):
    """The note of one script."""

    path: Path

    def read(self) -> str | None:
        """The id of the run to go on with; None when there is none, or it goes on by itself."""
        try:
            note: dict[str, Any] = json.loads(self.path.read_text())
            run_id, host, pid = str(note["run_id"]), note["host"], int(note["pid"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if host == os.uname().nodename and pid != os.getpid() and _is_alive(pid):
            return None
        return run_id

    def write(self, run_id: str) -> None:
        """Notes the run. Raises OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_suffix(f".{os.getpid()}")
        beside.write_text(json.dumps({"run_id": run_id, "host": os.uname().nodename, "pid": os.getpid()}))
        beside.replace(self.path)

    def remove(self, run_id: str) -> None:
        """The run has ended well. A note of another run, which was begun meanwhile, stays."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            if json.loads(self.path.read_text())["run_id"] == run_id:
                self.path.unlink()


def auto_resume(root: Path, entity: str, project: str) -> AutoResume:
    """The note of this script, in this directory and project."""
    script = f"{entity}\0{project}\0{working_directory()}\0{program()}"
    return AutoResume(
        root / "resume" / f"{hashlib.sha256(script.encode('utf-8', 'backslashreplace')).hexdigest()[:32]}.json"
    )


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
