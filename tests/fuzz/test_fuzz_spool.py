"""Damaged spools: whatever the bytes are, reading gives whole records or says what is wrong, and never anything else."""

import json
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runwell.core import frames
from runwell.forwarder.position import ACKED_NAME, FORKS_NAME, read_acked, read_parts
from runwell.forwarder.segments import SpoolError
from runwell.forwarder.spools import WriterSpool, open_spool
from tests.golden.make import RUN, WRITER
from tests.simulation.faults import Faults, Process
from tests.simulation.file_system import File, FileSystem, ForwarderDisk
from tests.simulation.reference_spool import read_spool

GOLDEN = max((Path(__file__).parents[1] / "golden").glob("*/spool/*"))
SEGMENTS = [path.read_bytes() for path in sorted(GOLDEN.glob("*.seg"))]
DIRECTORY = Path("/spool") / GOLDEN.name

edits = st.lists(
    st.tuples(
        st.integers(0, len(SEGMENTS) - 1),
        st.integers(0, 4095),
        st.sampled_from(["flip", "cut", "insert", "zero", "repeat"]),
        st.integers(1, 255),
    ),
    min_size=1,
    max_size=4,
)


def edited(changes: list[tuple[int, int, str, int]]) -> list[bytes]:
    """The golden segments, damaged."""
    segments = [bytearray(data) for data in SEGMENTS]
    for number, place, what, amount in changes:
        data = segments[number]
        place = place % max(len(data), 1)
        if what == "flip" and data:
            data[place] ^= amount
        elif what == "cut":
            del data[place:]
        elif what == "insert":
            data[place:place] = bytes([amount]) * amount
        elif what == "zero":
            data[place : place + amount] = bytes(len(data[place : place + amount]))
        elif what == "repeat":
            data[place:place] = data[max(0, place - amount) : place]
    return [bytes(data) for data in segments]


def disk_with(files: dict[str, bytes]) -> ForwarderDisk:
    system = FileSystem(Faults(0))
    system.make_directory(DIRECTORY)
    for name, data in files.items():
        system.entries(DIRECTORY)[name] = File(data)
    return ForwarderDisk(system, Process(Faults(0)))


def spool_with(segments: list[bytes]) -> WriterSpool:
    disk = disk_with({f"{number:08d}.seg": data for number, data in enumerate(segments, 1)})
    return WriterSpool(WRITER, RUN, DIRECTORY, disk)


@given(edits)
@settings(max_examples=200, deadline=None)
def test_a_damaged_spool_gives_its_whole_records_and_counts_the_others(changes: list[tuple[int, int, str, int]]):
    """Records come in order, each number once; every record that is whole somewhere is there, the others are stated."""
    segments = edited(changes)
    reached, stated = 0, set()
    try:
        for batch in spool_with(segments).batches():
            assert batch.first == reached + 1
            reached = batch.last
            for event in batch.events.events:
                kind = event.WhichOneof("event")
                if kind in ("records_lost", "record_refused"):
                    count = event.records_lost.count if kind == "records_lost" else 1
                    stated |= set(range(batch.first + event.index, batch.first + event.index + count))
    except SpoolError:
        # A flipped version byte looks like a newer format: then all is left as it is.
        assert any(data[7:8] > bytes([frames.VERSION]) for data in segments)
        return
    whole = read_spool([data for data in segments if data.startswith(frames.SEGMENT_MAGIC)])
    assert not stated & {number for number in whole.records if number <= reached} or whole.damaged


@given(st.binary(max_size=400) | st.binary(max_size=200).map(lambda data: frames.SEGMENT_MAGIC + data))
@settings(max_examples=200, deadline=None)
def test_any_bytes_may_be_a_segment(data: bytes):
    """A file of anything is a spool without records, or one that cannot be read, and says so."""
    opened = open_spool(disk_with({"00000001.seg": data}), DIRECTORY)
    assert opened is not None
    try:
        list(spool_with([data]).batches())
    except SpoolError as error:
        assert "upgrade" in str(error)  # noqa: PT017 - most files raise nothing


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
acked_files = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("log_id", "durable", "chain", "ended", "time", "writer", "end", "forks"), json_values),
).map(lambda fields: json.dumps(fields).encode())


@given(acked_files | st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_bytes_may_be_beside_the_segments(data: bytes):
    """`acked` and `forks` are hints: what cannot be read counts as not there, and never raises."""
    disk = disk_with({ACKED_NAME: data, FORKS_NAME: data})
    acked = read_acked(disk, DIRECTORY, WRITER)
    assert acked is None or isinstance(acked.durable, int)
    assert read_parts(disk, DIRECTORY, WRITER)[0].writer == WRITER
