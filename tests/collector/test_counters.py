"""What the collector counts."""

from runwell.v1 import collector_pb2
from runwell_collector.counters import Counters


def test_refusals_are_counted_from_zero():
    """Each reason has a series before anything was refused: Prometheus sees no increase where a series begins."""
    lines = Counters().exposition().decode().splitlines()
    for reason in ("invalid", "writer_forked", "not_open", "no_space", "unavailable"):
        assert f'runwell_collector_refused_total{{reason="{reason}"}} 0.0' in lines
    assert len([line for line in lines if line.startswith("runwell_collector_refused_total")]) == len(
        collector_pb2.RefusalReason.values()
    )
