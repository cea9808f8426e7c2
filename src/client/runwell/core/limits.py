"""Every limit of the wire, the spool and the events, in one place; what happens at each is said beside it."""

RECORD_BYTES_MAX = 16 << 20
"""One record. A larger row is refused by `log()` with the size and the limit; the step does not advance."""

BATCH_BYTES_TARGET = 256 << 10
"""A batch is cut when its records reach this many bytes: large enough for columns, small enough to be acked quickly."""

BATCH_BYTES_MAX = 20 << 20
"""An encoded batch: a record at its limit plus framing. A larger one is refused as invalid and bisected."""

BATCH_RECORDS_MAX = 65_536
"""Records in a batch; the forwarder cuts there."""

DECOMPRESSED_BYTES_MAX = 64 << 20
"""A batch's events after decompression. More is refused as invalid before it is decompressed to the end."""

DECOMPRESSED_RATIO_MAX = 32
"""Decompressed to compressed bytes of a batch. More is refused: a decompression bomb."""

KEY_BYTES_MAX = 512
"""A metric key in UTF-8. The key is dropped from its row with a warning that names it."""

ROW_KEYS_MAX = 100_000
"""Keys of a row. A wider row is refused by `log()`."""

RUN_KEYS_MAX = 200_000
"""Distinct keys of a run. Values of further keys are kept in the log and counted, not indexed."""

WRITER_SCHEMAS_MAX = 4_096
"""Distinct (keys, types) of a writer that get a schema; further ones take the general path, which carries its keys."""

WRITER_COLUMNS_MAX = 1_000_000
"""Columns of all schemas of a writer, since each keeps its keys and last values in memory; beyond, the general path."""

STRING_BYTES_MAX = 1 << 20
"""A string value in UTF-8. The value is dropped with a warning, the rest of the row is kept."""

JSON_DEPTH_MAX = 32
"""Nesting of a value. A deeper value is dropped with a warning, the rest of the row is kept."""

CONFIG_BYTES_MAX = 8 << 20
"""A run's config as JSON. The update that would exceed it raises."""

RUN_ID_CHARACTERS_MAX = 128
PROJECT_CHARACTERS_MAX = 128
TAG_CHARACTERS_MAX = 64
NAME_CHARACTERS_MAX = 1_024
"""Longer names are refused by `init()` before anything is made, with the limit."""

PATCH_BYTES_MAX = 1 << 20
"""Uncommitted changes carried with a run; of a larger patch only the digest is."""

MESSAGE_PARTS_MAX = 1_000
"""Requests or answers in one message of a stream. A sender adds to a message until it is as large as a full batch."""

IN_FLIGHT_BYTES_MAX = 4 << 20
"""Sent and not yet acknowledged, for each writer: what a fast one makes between a few commits. One batch may always be in flight."""

SEGMENT_BYTES = 64 << 20
"""A spool segment is closed at this size, so that acknowledged parts of a long run can be removed."""

UNSYNCED_BYTES_MAX = 8 << 20
"""Frames that a writer keeps until they are synced, to rewrite them should the sync fail; at the limit it syncs at once."""

HELD_EVENTS_BYTES_MAX = 8 << 20
"""Events, such as config changes, that a writer keeps while its disk is full; further ones are dropped and counted."""

SYNC_DELAY_S = 0.5
"""From the first unsynced write to the fsync, which has as long again to end within the second that is promised."""

SPOOL_BYTES_MAX = 20 << 30
"""A spool's default limit is this or half of what was free at its start, whichever is less; then new rows are dropped and counted."""

KEPT_BYTES_MAX = 1 << 30
KEPT_S_MAX = 24 * 3600
"""Acknowledged segments of a spool are kept for this long or this much, for a collector restored from a backup."""

HEARTBEAT_INTERVAL_S = 10.0
SILENT_AFTER_S = 60.0
"""A writer not heard of for this long is stated silent; six heartbeats may be lost before."""

GIVE_UP_AFTER_S = 7 * 24 * 3600
"""A forwarder that reached no server for this long ends; the spool stays for `runwell sync`."""

# ---- The collector and its log

DECOMPRESSED_BYTES_FREE = 4 << 20
"""Up to this size any compression ratio is taken: rows of zeros are no attack."""

LOG_SEGMENT_BYTES = 1 << 30
"""A segment of the event log is closed at this size: small enough to archive and recompress in minutes, while copying the
positions of a million writers into the next one (some 100 MB) stays a tenth of it."""

LOG_READ_BATCHES_MAX = 1_000
LOG_READ_BYTES_MAX = 32 << 20
"""One read of the log. Short, so that it never keeps a checkpoint from truncating; a single larger batch is still read."""

CHECKPOINT_BYTES = 8 << 20
CHECKPOINT_COMMITS = 256
"""After this much was appended, the write-ahead log of the segment is moved into its file, beside the appender."""

KNOWN_WRITERS_MAX = 65_536
"""Positions that the log keeps in memory, some 30 MB; at the limit they are forgotten and read again when asked for."""

ADMITTED_JSON_DEPTH_MAX = 2 * JSON_DEPTH_MAX
"""The collector refuses deeper JSON, which readers could not parse. Twice the client's limit: no row is lost over how the
levels around a value are counted."""

WRITER_RECORDS_MAX = 1 << 53
"""Records of one writer: numbers stay exact in JSON. A batch that would go beyond is refused."""

QUEUE_BYTES_MAX = 64 << 20
QUEUE_BATCHES_MAX = 16_384
"""Taken by the collector and not yet durable. At the limit streams are read no further, and gRPC holds the senders back."""

COMMIT_BYTES_MAX = 16 << 20
COMMIT_BATCHES_MAX = 1_024
"""One commit of the log: large enough to share an fsync, small enough that its acks come within a tenth of a second."""

COMMIT_WORTH_BATCHES = 32
COMMIT_WORTH_BYTES = 256 << 10
"""With this much queued a commit and its acks cost little beside the batches themselves: waiting on would save nothing."""

COMMIT_INTERVAL_S = 0.05
COMMIT_GATHER_S = 0.2
"""Commits begin at least the first of these after one another, and the second while what is queued is not worth one and
nobody is known to wait for it. The first batch after a pause waits for nothing, and a full group neither."""

OPEN_WRITERS_MAX = 200_000
"""Writers open at a collector, some 150 MB; a further Open is answered with Refused(UNAVAILABLE) and a time to retry."""

UNSENT_REPLIES_MAX = 4_096
"""Replies that a stream's client has not taken; at the limit its requests are read no further."""

PUBLISH_MESSAGE_BYTES_MAX = BATCH_BYTES_MAX + (12 << 20)
"""What gRPC takes as one message. Well beyond a batch, so that one too large is answered with a reason, and not by a cut."""

ADMIT_BESIDE_BYTES = 512 << 10
"""A batch beyond this is decompressed and checked in a thread, so that no other stream waits for it."""

LOG_FREE_BYTES_MIN = 1 << 30
"""With less free under the log the collector takes nothing more, and what it runs on keeps working."""

RETRY_AFTER_S = 5.0
"""When a refused sender tries again: soon enough not to be noticed, seldom enough not to be work."""

BLOB_BYTES_MAX = 5 << 40
"""A blob: what a bucket takes as one object. A longer file is refused when it is sent; split it."""

BLOBS_ASKED_MAX = 10_000
"""Blobs of one question what is missing; of more, the first are answered for."""

# ---- The projector and its views

VIEWS_FREE_BYTES_MIN = 2 << 30
"""With less free on their disk the views stop, before the log does; they go on by themselves when there is more."""

CHUNK_BATCHES_MAX = 1_000
CHUNK_BYTES_MAX = 2 << 20
"""One transaction of the views: 250,000 values are some 100 ms of work, so that readers soon see what is new."""

FILTER_NAME_CHARACTERS_MAX = 4_096
"""A value under a longer name of the config is shown and not found by filters, which look at every part of a name."""

FOLD_CACHE_BYTES_MAX = 12 << 20
"""States of runs kept in memory, as stored; objects take about ten times as much. Others are read when they go on."""

EXPOSED_METRICS_DEFAULT = 20
"""Metrics of a run that Prometheus is shown, the first by name, unless `prometheus_metrics` chooses."""

EXPOSED_METRICS_MAX = 1_000
"""Metrics of a run that `prometheus_metrics` can choose; further ones, by name, are not shown."""

EXPOSED_SERIES_MAX = 5_000
"""Series of all runs in an answer to Prometheus; runs that no longer fit are counted, not shown."""

EXPOSED_RUN_SERIES_MAX = 2_500
"""Series of one run: one with hundreds of processes leaves room for others, and whichever comes first fits."""

# ---- Sweeps

TRIAL_ATTEMPTS_MAX = 5
"""A trial whose agents were lost this often is failed: it may be what kills them."""

AGENT_BEAT_S = 5.0
"""How often an agent says that it lives, and is told which of its trials to stop."""

AGENT_SILENT_AFTER_S = 60.0
"""Trials of an agent that was not heard of for this long are lost, and given to others."""
