"""Where the event log ends, without waiting for views."""

from pathlib import Path

from runwell_collector.log import open_log_reader


def log_end(data_dir: Path) -> tuple[str | None, int]:
    """The log's id and the offset of its last batch."""
    log = open_log_reader(data_dir)
    try:
        return log.log_id, log.end()
    finally:
        log.close()
