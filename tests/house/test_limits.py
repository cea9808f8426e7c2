"""Every limit has a reason, a place where it is applied, and a check that goes up to it and beyond."""

import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from runwell.core import limits
from tests.house import limit_checks as check
from tests.house.source import ROOT, SOURCE_ROOTS, functions, modules

LIMITS = "src/client/runwell/core/limits.py"
NAMES = [name for name in vars(limits) if name.isupper()]

Check = Callable[[pytest.MonkeyPatch, Path], None]

WALK: dict[str, Check | str] = {
    # ---- Records, rows and values
    "RECORD_BYTES_MAX": "tests/client/test_values.py::test_a_row_that_is_too_long_is_refused_whole",
    "KEY_BYTES_MAX": "tests/client/test_values.py::test_a_long_key_leaves_the_rest",
    "ROW_KEYS_MAX": "tests/client/test_values.py::test_a_row_that_is_too_wide_is_refused_whole",
    "RUN_KEYS_MAX": "tests/core/test_fold.py::test_further_keys_than_the_limit_are_counted",
    "WRITER_SCHEMAS_MAX": "tests/client/test_values.py::test_more_shapes_than_schemas_are_kept",
    "WRITER_COLUMNS_MAX": check.schemas_are_bounded_by_columns,
    "WRITER_RECORDS_MAX": "tests/collector/test_admission.py::test_what_is_malformed_is_refused_with_the_reason",
    "STRING_BYTES_MAX": "tests/client/test_values.py::test_a_refused_value_leaves_the_rest",
    "JSON_DEPTH_MAX": "tests/client/test_values.py::test_a_refused_value_leaves_the_rest",
    "ADMITTED_JSON_DEPTH_MAX": "tests/collector/test_admission.py::test_what_is_malformed_is_refused_with_the_reason",
    "CONFIG_BYTES_MAX": check.a_config_is_bounded,
    "RUN_ID_CHARACTERS_MAX": check.names_are_bounded,
    "PROJECT_CHARACTERS_MAX": check.names_are_bounded,
    "TAG_CHARACTERS_MAX": check.names_are_bounded,
    "NAME_CHARACTERS_MAX": "tests/client/test_odd_arguments.py::test_a_text_of_any_size_is_answered_before_anything_is_made",
    "PATCH_BYTES_MAX": "tests/client/test_init.py::test_uncommitted_changes_follow_as_a_patch",
    # ---- Spool
    "SEGMENT_BYTES": "tests/client/test_spool_writer.py::test_segments_are_closed_at_their_size",
    "UNSYNCED_BYTES_MAX": "tests/client/test_spool_writer.py::test_unsynced_rows_in_memory_are_bounded",
    "HELD_EVENTS_BYTES_MAX": check.held_events_are_bounded,
    "SYNC_DELAY_S": "tests/client/test_spool_writer.py::test_synced_rows_survive_power_loss_and_always_means_always",
    "SPOOL_BYTES_MAX": "tests/client/test_spool_writer.py::test_a_spool_at_its_own_limit_drops_rows_and_still_ends",
    "KEPT_BYTES_MAX": "tests/forwarder/test_retention.py::test_a_live_spool_loses_only_acked_segments",
    "KEPT_S_MAX": "tests/forwarder/test_retention.py::test_an_ended_spool_goes_a_day_after_it_was_acked",
    # ---- Wire
    "BATCH_BYTES_TARGET": "tests/forwarder/test_session.py::test_what_is_in_flight_is_bounded_and_shared_fairly",
    "BATCH_BYTES_MAX": "tests/collector/test_publish.py::test_a_message_beyond_the_limit_is_answered",
    "BATCH_RECORDS_MAX": "tests/collector/test_admission.py::test_what_is_malformed_is_refused_with_the_reason",
    "MESSAGE_PARTS_MAX": "tests/collector/test_publish.py::test_many_writers_share_a_message",
    "PUBLISH_MESSAGE_BYTES_MAX": check.a_message_holds_more_than_a_batch,
    "DECOMPRESSED_BYTES_MAX": check.decompression_is_bounded,
    "DECOMPRESSED_BYTES_FREE": check.decompression_is_bounded,
    "DECOMPRESSED_RATIO_MAX": check.decompression_is_bounded,
    "IN_FLIGHT_BYTES_MAX": "tests/forwarder/test_session.py::test_what_is_in_flight_is_bounded_and_shared_fairly",
    "HEARTBEAT_INTERVAL_S": "tests/forwarder/test_session.py::test_a_live_writer_is_followed_and_kept_alive",
    "SILENT_AFTER_S": "tests/collector/test_intake.py::test_a_silent_writer_is_stated_once_and_revived_by_a_record",
    # ---- Collector
    "OPEN_WRITERS_MAX": check.open_writers_are_bounded,
    "UNSENT_REPLIES_MAX": check.unsent_replies_are_bounded,
    "QUEUE_BYTES_MAX": "tests/collector/test_intake.py::test_nobody_is_silent_while_nobody_can_be_heard",
    "QUEUE_BATCHES_MAX": check.the_queue_is_bounded,
    "COMMIT_WORTH_BATCHES": "tests/collector/test_intake.py::test_a_commit_is_worth_its_price_when_many_share_it_or_one_waits",
    "COMMIT_WORTH_BYTES": "tests/collector/test_intake.py::test_a_commit_is_worth_its_price_when_many_share_it_or_one_waits",
    "COMMIT_BYTES_MAX": "tests/collector/test_intake.py::test_a_group_is_bounded",
    "COMMIT_BATCHES_MAX": "tests/collector/test_intake.py::test_a_group_is_bounded",
    "ADMIT_BESIDE_BYTES": "tests/collector/test_publish.py::test_compressed_batches_are_stored_as_sent",
    "LOG_FREE_BYTES_MIN": "tests/collector/test_publish.py::test_a_full_disk_refuses_and_recovers",
    "RETRY_AFTER_S": "tests/collector/test_publish.py::test_a_full_disk_refuses_and_recovers",
    "BLOB_BYTES_MAX": "tests/collector/test_blobs.py::test_what_is_no_blob_is_refused",
    "BLOBS_ASKED_MAX": "tests/collector/test_blobs.py::test_a_question_is_bounded",
    # ---- Log
    "LOG_SEGMENT_BYTES": "tests/collector/test_publish.py::test_segments_rotate_under_senders",
    "LOG_READ_BATCHES_MAX": "tests/contract/test_event_log.py::test_a_read_is_bounded",
    "LOG_READ_BYTES_MAX": "tests/contract/test_event_log.py::test_a_read_is_bounded",
    "CHECKPOINT_BYTES": "tests/collector/test_log_files.py::test_the_write_ahead_log_does_not_grow_for_ever",
    "CHECKPOINT_COMMITS": "tests/collector/test_log_files.py::test_the_write_ahead_log_does_not_grow_for_ever",
    "KNOWN_WRITERS_MAX": check.known_positions_are_bounded,
    # ---- Views
    "VIEWS_FREE_BYTES_MIN": "tests/projector/test_follower.py::test_too_little_space_pauses_until_there_is_more",
    "CHUNK_BATCHES_MAX": "tests/projector/test_projection.py::test_dumps_are_equal_whatever_the_transactions_and_the_order",
    "CHUNK_BYTES_MAX": "tests/projector/test_projection.py::test_dumps_are_equal_whatever_the_transactions_and_the_order",
    "FILTER_NAME_CHARACTERS_MAX": "tests/projector/test_projection.py::test_a_name_of_many_parts_costs_nothing",
    "EXPOSED_METRICS_DEFAULT": "tests/projector/test_system_stream.py::test_metrics_are_chosen_by_globs",
    "EXPOSED_METRICS_MAX": "tests/projector/test_system_stream.py::test_metrics_are_chosen_by_globs",
    "EXPOSED_RUN_SERIES_MAX": "tests/projector/test_system_stream.py::test_a_run_of_many_processes_leaves_room",
    "EXPOSED_SERIES_MAX": "tests/projector/test_system_stream.py::test_whole_runs_fit_the_oldest_first",
    "FOLD_CACHE_BYTES_MAX": "tests/projector/test_projection.py::test_forgotten_runs_are_read_again",
    # ---- Sweeps
    "TRIAL_ATTEMPTS_MAX": "tests/core/test_sweep_trials.py::test_trial_that_kills_its_agents_is_failed",
    "AGENT_SILENT_AFTER_S": "tests/core/test_sweep_controller.py::test_trials_of_a_silent_agent_are_lost",
}
"""What walks each limit: a check of this folder, or the test elsewhere that goes beyond it, often with a smaller one."""

PACES = {"AGENT_BEAT_S", "COMMIT_INTERVAL_S", "COMMIT_GATHER_S", "GIVE_UP_AFTER_S"}
"""How long something waits: nothing is refused there, and tests do not measure time."""


def test_every_limit_is_walked():
    """Each limit is in the walk, and nothing else is."""
    assert set(NAMES) == set(WALK) | PACES


@pytest.mark.parametrize("name", WALK)
def test_at_the_limit_happens_what_it_says(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """The check passes; or the test that is named is there, and so is run with the others."""
    walk = WALK[name]
    if isinstance(walk, str):
        file, _, test = walk.partition("::")
        assert test in {node.name for node in functions((ROOT / file).read_text())}
    else:
        walk(monkeypatch, tmp_path)


def test_every_limit_says_what_happens_at_it():
    """A number without a reason is a guess: the sentence stands under it, or under the last of a group."""
    body = ast.parse((ROOT / LIMITS).read_text()).body
    silent: list[str] = []
    for node, following in zip(body, [*body[1:], None], strict=True):
        grouped = isinstance(following, ast.Assign) and following.lineno == (node.end_lineno or 0) + 1
        if isinstance(node, ast.Assign) and not (isinstance(following, ast.Expr) or grouped):
            silent.append(ast.unparse(node.targets[0]))
    assert not silent


def test_every_limit_is_applied():
    """A limit that nobody looks at limits nothing."""
    source = "\n".join(text for name, text in modules(*SOURCE_ROOTS) if name != LIMITS)
    assert not [name for name in NAMES if not re.search(rf"\b{name}\b", source)]
