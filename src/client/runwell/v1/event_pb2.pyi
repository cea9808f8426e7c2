from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RowFlag(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROW_FLAG_UNSPECIFIED: _ClassVar[RowFlag]
    ROW_FLAG_MASKED: _ClassVar[RowFlag]
ROW_FLAG_UNSPECIFIED: RowFlag
ROW_FLAG_MASKED: RowFlag

class RunKey(_message.Message):
    __slots__ = ("entity", "project", "run_id")
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    entity: str
    project: str
    run_id: str
    def __init__(self, entity: _Optional[str] = ..., project: _Optional[str] = ..., run_id: _Optional[str] = ...) -> None: ...

class Events(_message.Message):
    __slots__ = ("events",)
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[Event]
    def __init__(self, events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ("index", "time", "run_started", "run_resumed", "writer_attached", "run_rewound", "run_forked", "run_finished", "config_set", "summary_updated", "metric_defined", "metric_logged", "system_metric_logged", "media_logged", "artifact_logged", "artifact_used", "artifact_version_assigned", "console_logged", "alert_raised", "run_annotated", "clock_adjusted", "run_preempting", "source_captured", "run_described", "artifact_linked", "artifact_edited", "artifact_changed", "environment_captured", "writer_ended", "writer_silent", "records_dropped", "record_refused", "records_lost", "run_deleted", "run_restored", "run_purged", "view_saved", "report_saved", "sweep_created", "trial_suggested", "trial_reported", "sweep_changed", "sweep_points_added")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    RUN_STARTED_FIELD_NUMBER: _ClassVar[int]
    RUN_RESUMED_FIELD_NUMBER: _ClassVar[int]
    WRITER_ATTACHED_FIELD_NUMBER: _ClassVar[int]
    RUN_REWOUND_FIELD_NUMBER: _ClassVar[int]
    RUN_FORKED_FIELD_NUMBER: _ClassVar[int]
    RUN_FINISHED_FIELD_NUMBER: _ClassVar[int]
    CONFIG_SET_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_UPDATED_FIELD_NUMBER: _ClassVar[int]
    METRIC_DEFINED_FIELD_NUMBER: _ClassVar[int]
    METRIC_LOGGED_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_METRIC_LOGGED_FIELD_NUMBER: _ClassVar[int]
    MEDIA_LOGGED_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_LOGGED_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_USED_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_VERSION_ASSIGNED_FIELD_NUMBER: _ClassVar[int]
    CONSOLE_LOGGED_FIELD_NUMBER: _ClassVar[int]
    ALERT_RAISED_FIELD_NUMBER: _ClassVar[int]
    RUN_ANNOTATED_FIELD_NUMBER: _ClassVar[int]
    CLOCK_ADJUSTED_FIELD_NUMBER: _ClassVar[int]
    RUN_PREEMPTING_FIELD_NUMBER: _ClassVar[int]
    SOURCE_CAPTURED_FIELD_NUMBER: _ClassVar[int]
    RUN_DESCRIBED_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_LINKED_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_EDITED_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_CHANGED_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_CAPTURED_FIELD_NUMBER: _ClassVar[int]
    WRITER_ENDED_FIELD_NUMBER: _ClassVar[int]
    WRITER_SILENT_FIELD_NUMBER: _ClassVar[int]
    RECORDS_DROPPED_FIELD_NUMBER: _ClassVar[int]
    RECORD_REFUSED_FIELD_NUMBER: _ClassVar[int]
    RECORDS_LOST_FIELD_NUMBER: _ClassVar[int]
    RUN_DELETED_FIELD_NUMBER: _ClassVar[int]
    RUN_RESTORED_FIELD_NUMBER: _ClassVar[int]
    RUN_PURGED_FIELD_NUMBER: _ClassVar[int]
    VIEW_SAVED_FIELD_NUMBER: _ClassVar[int]
    REPORT_SAVED_FIELD_NUMBER: _ClassVar[int]
    SWEEP_CREATED_FIELD_NUMBER: _ClassVar[int]
    TRIAL_SUGGESTED_FIELD_NUMBER: _ClassVar[int]
    TRIAL_REPORTED_FIELD_NUMBER: _ClassVar[int]
    SWEEP_CHANGED_FIELD_NUMBER: _ClassVar[int]
    SWEEP_POINTS_ADDED_FIELD_NUMBER: _ClassVar[int]
    index: int
    time: float
    run_started: RunStarted
    run_resumed: RunResumed
    writer_attached: WriterAttached
    run_rewound: RunRewound
    run_forked: RunForked
    run_finished: RunFinished
    config_set: ConfigSet
    summary_updated: SummaryUpdated
    metric_defined: MetricDefined
    metric_logged: MetricLogged
    system_metric_logged: SystemMetricLogged
    media_logged: MediaLogged
    artifact_logged: ArtifactLogged
    artifact_used: ArtifactUsed
    artifact_version_assigned: ArtifactVersionAssigned
    console_logged: ConsoleLogged
    alert_raised: AlertRaised
    run_annotated: RunAnnotated
    clock_adjusted: ClockAdjusted
    run_preempting: RunPreempting
    source_captured: SourceCaptured
    run_described: RunDescribed
    artifact_linked: ArtifactLinked
    artifact_edited: ArtifactEdited
    artifact_changed: ArtifactChanged
    environment_captured: EnvironmentCaptured
    writer_ended: WriterEnded
    writer_silent: WriterSilent
    records_dropped: RecordsDropped
    record_refused: RecordRefused
    records_lost: RecordsLost
    run_deleted: RunDeleted
    run_restored: RunRestored
    run_purged: RunPurged
    view_saved: ViewSaved
    report_saved: ReportSaved
    sweep_created: SweepCreated
    trial_suggested: TrialSuggested
    trial_reported: TrialReported
    sweep_changed: SweepChanged
    sweep_points_added: SweepPointsAdded
    def __init__(self, index: _Optional[int] = ..., time: _Optional[float] = ..., run_started: _Optional[_Union[RunStarted, _Mapping]] = ..., run_resumed: _Optional[_Union[RunResumed, _Mapping]] = ..., writer_attached: _Optional[_Union[WriterAttached, _Mapping]] = ..., run_rewound: _Optional[_Union[RunRewound, _Mapping]] = ..., run_forked: _Optional[_Union[RunForked, _Mapping]] = ..., run_finished: _Optional[_Union[RunFinished, _Mapping]] = ..., config_set: _Optional[_Union[ConfigSet, _Mapping]] = ..., summary_updated: _Optional[_Union[SummaryUpdated, _Mapping]] = ..., metric_defined: _Optional[_Union[MetricDefined, _Mapping]] = ..., metric_logged: _Optional[_Union[MetricLogged, _Mapping]] = ..., system_metric_logged: _Optional[_Union[SystemMetricLogged, _Mapping]] = ..., media_logged: _Optional[_Union[MediaLogged, _Mapping]] = ..., artifact_logged: _Optional[_Union[ArtifactLogged, _Mapping]] = ..., artifact_used: _Optional[_Union[ArtifactUsed, _Mapping]] = ..., artifact_version_assigned: _Optional[_Union[ArtifactVersionAssigned, _Mapping]] = ..., console_logged: _Optional[_Union[ConsoleLogged, _Mapping]] = ..., alert_raised: _Optional[_Union[AlertRaised, _Mapping]] = ..., run_annotated: _Optional[_Union[RunAnnotated, _Mapping]] = ..., clock_adjusted: _Optional[_Union[ClockAdjusted, _Mapping]] = ..., run_preempting: _Optional[_Union[RunPreempting, _Mapping]] = ..., source_captured: _Optional[_Union[SourceCaptured, _Mapping]] = ..., run_described: _Optional[_Union[RunDescribed, _Mapping]] = ..., artifact_linked: _Optional[_Union[ArtifactLinked, _Mapping]] = ..., artifact_edited: _Optional[_Union[ArtifactEdited, _Mapping]] = ..., artifact_changed: _Optional[_Union[ArtifactChanged, _Mapping]] = ..., environment_captured: _Optional[_Union[EnvironmentCaptured, _Mapping]] = ..., writer_ended: _Optional[_Union[WriterEnded, _Mapping]] = ..., writer_silent: _Optional[_Union[WriterSilent, _Mapping]] = ..., records_dropped: _Optional[_Union[RecordsDropped, _Mapping]] = ..., record_refused: _Optional[_Union[RecordRefused, _Mapping]] = ..., records_lost: _Optional[_Union[RecordsLost, _Mapping]] = ..., run_deleted: _Optional[_Union[RunDeleted, _Mapping]] = ..., run_restored: _Optional[_Union[RunRestored, _Mapping]] = ..., run_purged: _Optional[_Union[RunPurged, _Mapping]] = ..., view_saved: _Optional[_Union[ViewSaved, _Mapping]] = ..., report_saved: _Optional[_Union[ReportSaved, _Mapping]] = ..., sweep_created: _Optional[_Union[SweepCreated, _Mapping]] = ..., trial_suggested: _Optional[_Union[TrialSuggested, _Mapping]] = ..., trial_reported: _Optional[_Union[TrialReported, _Mapping]] = ..., sweep_changed: _Optional[_Union[SweepChanged, _Mapping]] = ..., sweep_points_added: _Optional[_Union[SweepPointsAdded, _Mapping]] = ...) -> None: ...

class Process(_message.Message):
    __slots__ = ("host", "user", "pid", "command", "program", "working_directory", "python_version", "operating_system", "client_version", "cpu_count")
    HOST_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    PROGRAM_FIELD_NUMBER: _ClassVar[int]
    WORKING_DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    PYTHON_VERSION_FIELD_NUMBER: _ClassVar[int]
    OPERATING_SYSTEM_FIELD_NUMBER: _ClassVar[int]
    CLIENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    CPU_COUNT_FIELD_NUMBER: _ClassVar[int]
    host: str
    user: str
    pid: int
    command: _containers.RepeatedScalarFieldContainer[str]
    program: str
    working_directory: str
    python_version: str
    operating_system: str
    client_version: str
    cpu_count: int
    def __init__(self, host: _Optional[str] = ..., user: _Optional[str] = ..., pid: _Optional[int] = ..., command: _Optional[_Iterable[str]] = ..., program: _Optional[str] = ..., working_directory: _Optional[str] = ..., python_version: _Optional[str] = ..., operating_system: _Optional[str] = ..., client_version: _Optional[str] = ..., cpu_count: _Optional[int] = ...) -> None: ...

class GitState(_message.Message):
    __slots__ = ("remote", "commit", "branch", "dirty", "patch", "patch_sha256")
    REMOTE_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    DIRTY_FIELD_NUMBER: _ClassVar[int]
    PATCH_FIELD_NUMBER: _ClassVar[int]
    PATCH_SHA256_FIELD_NUMBER: _ClassVar[int]
    remote: str
    commit: str
    branch: str
    dirty: bool
    patch: str
    patch_sha256: str
    def __init__(self, remote: _Optional[str] = ..., commit: _Optional[str] = ..., branch: _Optional[str] = ..., dirty: bool = ..., patch: _Optional[str] = ..., patch_sha256: _Optional[str] = ...) -> None: ...

class SourceCaptured(_message.Message):
    __slots__ = ("git",)
    GIT_FIELD_NUMBER: _ClassVar[int]
    git: GitState
    def __init__(self, git: _Optional[_Union[GitState, _Mapping]] = ...) -> None: ...

class EnvironmentCaptured(_message.Message):
    __slots__ = ("packages", "container", "image", "job", "variables", "values")
    class JobEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class ValuesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PACKAGES_FIELD_NUMBER: _ClassVar[int]
    CONTAINER_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    VARIABLES_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    packages: _containers.RepeatedScalarFieldContainer[str]
    container: str
    image: str
    job: _containers.ScalarMap[str, str]
    variables: _containers.RepeatedScalarFieldContainer[str]
    values: _containers.ScalarMap[str, str]
    def __init__(self, packages: _Optional[_Iterable[str]] = ..., container: _Optional[str] = ..., image: _Optional[str] = ..., job: _Optional[_Mapping[str, str]] = ..., variables: _Optional[_Iterable[str]] = ..., values: _Optional[_Mapping[str, str]] = ...) -> None: ...

class StringList(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, values: _Optional[_Iterable[str]] = ...) -> None: ...

class RunFields(_message.Message):
    __slots__ = ("name", "group", "job_type", "notes", "tags", "prometheus_metrics", "sweep_id", "sweep_trial")
    NAME_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    JOB_TYPE_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    PROMETHEUS_METRICS_FIELD_NUMBER: _ClassVar[int]
    SWEEP_ID_FIELD_NUMBER: _ClassVar[int]
    SWEEP_TRIAL_FIELD_NUMBER: _ClassVar[int]
    name: str
    group: str
    job_type: str
    notes: str
    tags: StringList
    prometheus_metrics: StringList
    sweep_id: str
    sweep_trial: int
    def __init__(self, name: _Optional[str] = ..., group: _Optional[str] = ..., job_type: _Optional[str] = ..., notes: _Optional[str] = ..., tags: _Optional[_Union[StringList, _Mapping]] = ..., prometheus_metrics: _Optional[_Union[StringList, _Mapping]] = ..., sweep_id: _Optional[str] = ..., sweep_trial: _Optional[int] = ...) -> None: ...

class RunStarted(_message.Message):
    __slots__ = ("fields", "process", "git", "resume")
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    PROCESS_FIELD_NUMBER: _ClassVar[int]
    GIT_FIELD_NUMBER: _ClassVar[int]
    RESUME_FIELD_NUMBER: _ClassVar[int]
    fields: RunFields
    process: Process
    git: GitState
    resume: str
    def __init__(self, fields: _Optional[_Union[RunFields, _Mapping]] = ..., process: _Optional[_Union[Process, _Mapping]] = ..., git: _Optional[_Union[GitState, _Mapping]] = ..., resume: _Optional[str] = ...) -> None: ...

class RunResumed(_message.Message):
    __slots__ = ("attempt", "parents", "starting_step", "fields", "process", "git", "resume")
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    PARENTS_FIELD_NUMBER: _ClassVar[int]
    STARTING_STEP_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    PROCESS_FIELD_NUMBER: _ClassVar[int]
    GIT_FIELD_NUMBER: _ClassVar[int]
    RESUME_FIELD_NUMBER: _ClassVar[int]
    attempt: int
    parents: _containers.RepeatedScalarFieldContainer[bytes]
    starting_step: int
    fields: RunFields
    process: Process
    git: GitState
    resume: str
    def __init__(self, attempt: _Optional[int] = ..., parents: _Optional[_Iterable[bytes]] = ..., starting_step: _Optional[int] = ..., fields: _Optional[_Union[RunFields, _Mapping]] = ..., process: _Optional[_Union[Process, _Mapping]] = ..., git: _Optional[_Union[GitState, _Mapping]] = ..., resume: _Optional[str] = ...) -> None: ...

class WriterAttached(_message.Message):
    __slots__ = ("attempt", "parent", "starting_step", "process")
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    STARTING_STEP_FIELD_NUMBER: _ClassVar[int]
    PROCESS_FIELD_NUMBER: _ClassVar[int]
    attempt: int
    parent: bytes
    starting_step: int
    process: Process
    def __init__(self, attempt: _Optional[int] = ..., parent: _Optional[bytes] = ..., starting_step: _Optional[int] = ..., process: _Optional[_Union[Process, _Mapping]] = ...) -> None: ...

class RunRewound(_message.Message):
    __slots__ = ("step", "past_json")
    STEP_FIELD_NUMBER: _ClassVar[int]
    PAST_JSON_FIELD_NUMBER: _ClassVar[int]
    step: int
    past_json: str
    def __init__(self, step: _Optional[int] = ..., past_json: _Optional[str] = ...) -> None: ...

class RunDescribed(_message.Message):
    __slots__ = ("fields",)
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    fields: RunFields
    def __init__(self, fields: _Optional[_Union[RunFields, _Mapping]] = ...) -> None: ...

class RunForked(_message.Message):
    __slots__ = ("origin", "step", "attempts", "past_json")
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    PAST_JSON_FIELD_NUMBER: _ClassVar[int]
    origin: RunKey
    step: int
    attempts: int
    past_json: str
    def __init__(self, origin: _Optional[_Union[RunKey, _Mapping]] = ..., step: _Optional[int] = ..., attempts: _Optional[int] = ..., past_json: _Optional[str] = ...) -> None: ...

class RunFinished(_message.Message):
    __slots__ = ("exit_code",)
    EXIT_CODE_FIELD_NUMBER: _ClassVar[int]
    exit_code: int
    def __init__(self, exit_code: _Optional[int] = ...) -> None: ...

class RunPreempting(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ClockAdjusted(_message.Message):
    __slots__ = ("jump_s",)
    JUMP_S_FIELD_NUMBER: _ClassVar[int]
    jump_s: float
    def __init__(self, jump_s: _Optional[float] = ...) -> None: ...

class ConfigSet(_message.Message):
    __slots__ = ("set_json", "removed")
    SET_JSON_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    set_json: str
    removed: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, set_json: _Optional[str] = ..., removed: _Optional[_Iterable[str]] = ...) -> None: ...

class SummaryUpdated(_message.Message):
    __slots__ = ("set_json", "removed")
    SET_JSON_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    set_json: str
    removed: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, set_json: _Optional[str] = ..., removed: _Optional[_Iterable[str]] = ...) -> None: ...

class MetricDefined(_message.Message):
    __slots__ = ("name", "step_metric", "step_sync", "hidden", "summary", "goal", "overwrite", "at", "restated")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STEP_METRIC_FIELD_NUMBER: _ClassVar[int]
    STEP_SYNC_FIELD_NUMBER: _ClassVar[int]
    HIDDEN_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    GOAL_FIELD_NUMBER: _ClassVar[int]
    OVERWRITE_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    RESTATED_FIELD_NUMBER: _ClassVar[int]
    name: str
    step_metric: str
    step_sync: bool
    hidden: bool
    summary: _containers.RepeatedScalarFieldContainer[str]
    goal: str
    overwrite: bool
    at: str
    restated: bool
    def __init__(self, name: _Optional[str] = ..., step_metric: _Optional[str] = ..., step_sync: bool = ..., hidden: bool = ..., summary: _Optional[_Iterable[str]] = ..., goal: _Optional[str] = ..., overwrite: bool = ..., at: _Optional[str] = ..., restated: bool = ...) -> None: ...

class MetricLogged(_message.Message):
    __slots__ = ("rows", "indexes", "steps", "times", "flags", "columns")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    INDEXES_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    TIMES_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    rows: int
    indexes: _containers.RepeatedScalarFieldContainer[int]
    steps: _containers.RepeatedScalarFieldContainer[int]
    times: _containers.RepeatedScalarFieldContainer[float]
    flags: _containers.RepeatedScalarFieldContainer[int]
    columns: _containers.RepeatedCompositeFieldContainer[Column]
    def __init__(self, rows: _Optional[int] = ..., indexes: _Optional[_Iterable[int]] = ..., steps: _Optional[_Iterable[int]] = ..., times: _Optional[_Iterable[float]] = ..., flags: _Optional[_Iterable[int]] = ..., columns: _Optional[_Iterable[_Union[Column, _Mapping]]] = ...) -> None: ...

class Column(_message.Message):
    __slots__ = ("key", "f64", "i64", "bools", "json")
    KEY_FIELD_NUMBER: _ClassVar[int]
    F64_FIELD_NUMBER: _ClassVar[int]
    I64_FIELD_NUMBER: _ClassVar[int]
    BOOLS_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    key: str
    f64: F64Values
    i64: I64Values
    bools: BoolValues
    json: JsonValues
    def __init__(self, key: _Optional[str] = ..., f64: _Optional[_Union[F64Values, _Mapping]] = ..., i64: _Optional[_Union[I64Values, _Mapping]] = ..., bools: _Optional[_Union[BoolValues, _Mapping]] = ..., json: _Optional[_Union[JsonValues, _Mapping]] = ...) -> None: ...

class F64Values(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, values: _Optional[_Iterable[float]] = ...) -> None: ...

class I64Values(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, values: _Optional[_Iterable[int]] = ...) -> None: ...

class BoolValues(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[bool]
    def __init__(self, values: _Optional[_Iterable[bool]] = ...) -> None: ...

class JsonValues(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, values: _Optional[_Iterable[str]] = ...) -> None: ...

class SystemMetricLogged(_message.Message):
    __slots__ = ("host", "metrics")
    HOST_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    host: str
    metrics: MetricLogged
    def __init__(self, host: _Optional[str] = ..., metrics: _Optional[_Union[MetricLogged, _Mapping]] = ...) -> None: ...

class MediaLogged(_message.Message):
    __slots__ = ("key", "step", "value_json", "files", "time", "masked")
    KEY_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    VALUE_JSON_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    MASKED_FIELD_NUMBER: _ClassVar[int]
    key: str
    step: int
    value_json: str
    files: _containers.RepeatedCompositeFieldContainer[File]
    time: float
    masked: bool
    def __init__(self, key: _Optional[str] = ..., step: _Optional[int] = ..., value_json: _Optional[str] = ..., files: _Optional[_Iterable[_Union[File, _Mapping]]] = ..., time: _Optional[float] = ..., masked: bool = ...) -> None: ...

class File(_message.Message):
    __slots__ = ("path", "sha256", "bytes", "reference")
    PATH_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    path: str
    sha256: str
    bytes: int
    reference: str
    def __init__(self, path: _Optional[str] = ..., sha256: _Optional[str] = ..., bytes: _Optional[int] = ..., reference: _Optional[str] = ...) -> None: ...

class ArtifactName(_message.Message):
    __slots__ = ("entity", "project", "name")
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    entity: str
    project: str
    name: str
    def __init__(self, entity: _Optional[str] = ..., project: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class ArtifactLogged(_message.Message):
    __slots__ = ("name", "type", "description", "metadata_json", "files", "aliases", "tags", "sha256", "id", "file_count", "bytes", "ttl_s", "used")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    METADATA_JSON_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    FILE_COUNT_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    TTL_S_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    description: str
    metadata_json: str
    files: _containers.RepeatedCompositeFieldContainer[File]
    aliases: _containers.RepeatedScalarFieldContainer[str]
    tags: _containers.RepeatedScalarFieldContainer[str]
    sha256: str
    id: str
    file_count: int
    bytes: int
    ttl_s: float
    used: bool
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ..., description: _Optional[str] = ..., metadata_json: _Optional[str] = ..., files: _Optional[_Iterable[_Union[File, _Mapping]]] = ..., aliases: _Optional[_Iterable[str]] = ..., tags: _Optional[_Iterable[str]] = ..., sha256: _Optional[str] = ..., id: _Optional[str] = ..., file_count: _Optional[int] = ..., bytes: _Optional[int] = ..., ttl_s: _Optional[float] = ..., used: bool = ...) -> None: ...

class ArtifactUsed(_message.Message):
    __slots__ = ("name", "version", "type", "entity", "project", "sha256")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    type: str
    entity: str
    project: str
    sha256: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., type: _Optional[str] = ..., entity: _Optional[str] = ..., project: _Optional[str] = ..., sha256: _Optional[str] = ...) -> None: ...

class ArtifactLinked(_message.Message):
    __slots__ = ("by", "source", "version", "logged_id", "target", "aliases")
    BY_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    LOGGED_ID_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    by: str
    source: ArtifactName
    version: str
    logged_id: str
    target: ArtifactName
    aliases: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, by: _Optional[str] = ..., source: _Optional[_Union[ArtifactName, _Mapping]] = ..., version: _Optional[str] = ..., logged_id: _Optional[str] = ..., target: _Optional[_Union[ArtifactName, _Mapping]] = ..., aliases: _Optional[_Iterable[str]] = ...) -> None: ...

class ArtifactEdited(_message.Message):
    __slots__ = ("by", "artifact", "version", "description", "metadata_json", "tags", "aliases_added", "aliases_removed", "ttl_s", "deleted", "delete_aliases")
    BY_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    METADATA_JSON_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    ALIASES_ADDED_FIELD_NUMBER: _ClassVar[int]
    ALIASES_REMOVED_FIELD_NUMBER: _ClassVar[int]
    TTL_S_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    DELETE_ALIASES_FIELD_NUMBER: _ClassVar[int]
    by: str
    artifact: ArtifactName
    version: str
    description: str
    metadata_json: str
    tags: StringList
    aliases_added: _containers.RepeatedScalarFieldContainer[str]
    aliases_removed: _containers.RepeatedScalarFieldContainer[str]
    ttl_s: float
    deleted: bool
    delete_aliases: bool
    def __init__(self, by: _Optional[str] = ..., artifact: _Optional[_Union[ArtifactName, _Mapping]] = ..., version: _Optional[str] = ..., description: _Optional[str] = ..., metadata_json: _Optional[str] = ..., tags: _Optional[_Union[StringList, _Mapping]] = ..., aliases_added: _Optional[_Iterable[str]] = ..., aliases_removed: _Optional[_Iterable[str]] = ..., ttl_s: _Optional[float] = ..., deleted: bool = ..., delete_aliases: bool = ...) -> None: ...

class RecordKey(_message.Message):
    __slots__ = ("writer_id", "record")
    WRITER_ID_FIELD_NUMBER: _ClassVar[int]
    RECORD_FIELD_NUMBER: _ClassVar[int]
    writer_id: bytes
    record: int
    def __init__(self, writer_id: _Optional[bytes] = ..., record: _Optional[int] = ...) -> None: ...

class ArtifactVersionAssigned(_message.Message):
    __slots__ = ("run", "name", "sha256", "version", "wish", "logged", "existing", "aliases", "refused", "source", "source_version")
    RUN_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    WISH_FIELD_NUMBER: _ClassVar[int]
    LOGGED_FIELD_NUMBER: _ClassVar[int]
    EXISTING_FIELD_NUMBER: _ClassVar[int]
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_VERSION_FIELD_NUMBER: _ClassVar[int]
    run: RunKey
    name: str
    sha256: str
    version: int
    wish: RecordKey
    logged: ArtifactLogged
    existing: bool
    aliases: _containers.RepeatedScalarFieldContainer[str]
    refused: str
    source: ArtifactName
    source_version: int
    def __init__(self, run: _Optional[_Union[RunKey, _Mapping]] = ..., name: _Optional[str] = ..., sha256: _Optional[str] = ..., version: _Optional[int] = ..., wish: _Optional[_Union[RecordKey, _Mapping]] = ..., logged: _Optional[_Union[ArtifactLogged, _Mapping]] = ..., existing: bool = ..., aliases: _Optional[_Iterable[str]] = ..., refused: _Optional[str] = ..., source: _Optional[_Union[ArtifactName, _Mapping]] = ..., source_version: _Optional[int] = ...) -> None: ...

class ArtifactChanged(_message.Message):
    __slots__ = ("wish", "version", "edit", "refused")
    WISH_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    EDIT_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    wish: RecordKey
    version: int
    edit: ArtifactEdited
    refused: str
    def __init__(self, wish: _Optional[_Union[RecordKey, _Mapping]] = ..., version: _Optional[int] = ..., edit: _Optional[_Union[ArtifactEdited, _Mapping]] = ..., refused: _Optional[str] = ...) -> None: ...

class ConsoleLogged(_message.Message):
    __slots__ = ("stderr", "first_line", "lines", "times", "omitted")
    STDERR_FIELD_NUMBER: _ClassVar[int]
    FIRST_LINE_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    TIMES_FIELD_NUMBER: _ClassVar[int]
    OMITTED_FIELD_NUMBER: _ClassVar[int]
    stderr: bool
    first_line: int
    lines: _containers.RepeatedScalarFieldContainer[str]
    times: _containers.RepeatedScalarFieldContainer[float]
    omitted: int
    def __init__(self, stderr: bool = ..., first_line: _Optional[int] = ..., lines: _Optional[_Iterable[str]] = ..., times: _Optional[_Iterable[float]] = ..., omitted: _Optional[int] = ...) -> None: ...

class AlertRaised(_message.Message):
    __slots__ = ("title", "text", "level", "wait_s", "rule")
    TITLE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    WAIT_S_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    title: str
    text: str
    level: str
    wait_s: float
    rule: str
    def __init__(self, title: _Optional[str] = ..., text: _Optional[str] = ..., level: _Optional[str] = ..., wait_s: _Optional[float] = ..., rule: _Optional[str] = ...) -> None: ...

class RunAnnotated(_message.Message):
    __slots__ = ("by", "fields", "config", "summary", "undoes")
    BY_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    UNDOES_FIELD_NUMBER: _ClassVar[int]
    by: str
    fields: RunFields
    config: ConfigSet
    summary: SummaryUpdated
    undoes: bytes
    def __init__(self, by: _Optional[str] = ..., fields: _Optional[_Union[RunFields, _Mapping]] = ..., config: _Optional[_Union[ConfigSet, _Mapping]] = ..., summary: _Optional[_Union[SummaryUpdated, _Mapping]] = ..., undoes: _Optional[bytes] = ...) -> None: ...

class WriterEnded(_message.Message):
    __slots__ = ("last",)
    LAST_FIELD_NUMBER: _ClassVar[int]
    last: int
    def __init__(self, last: _Optional[int] = ...) -> None: ...

class WriterSilent(_message.Message):
    __slots__ = ("timeout_s",)
    TIMEOUT_S_FIELD_NUMBER: _ClassVar[int]
    timeout_s: float
    def __init__(self, timeout_s: _Optional[float] = ...) -> None: ...

class RecordsDropped(_message.Message):
    __slots__ = ("count", "reason")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    count: int
    reason: str
    def __init__(self, count: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class RecordRefused(_message.Message):
    __slots__ = ("reason", "bytes")
    REASON_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    reason: str
    bytes: int
    def __init__(self, reason: _Optional[str] = ..., bytes: _Optional[int] = ...) -> None: ...

class RecordsLost(_message.Message):
    __slots__ = ("count", "reason")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    count: int
    reason: str
    def __init__(self, count: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class RunDeleted(_message.Message):
    __slots__ = ("by",)
    BY_FIELD_NUMBER: _ClassVar[int]
    by: str
    def __init__(self, by: _Optional[str] = ...) -> None: ...

class RunRestored(_message.Message):
    __slots__ = ("by",)
    BY_FIELD_NUMBER: _ClassVar[int]
    by: str
    def __init__(self, by: _Optional[str] = ...) -> None: ...

class RunPurged(_message.Message):
    __slots__ = ("by",)
    BY_FIELD_NUMBER: _ClassVar[int]
    by: str
    def __init__(self, by: _Optional[str] = ...) -> None: ...

class ViewSaved(_message.Message):
    __slots__ = ("by", "name", "view_json", "deleted")
    BY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VIEW_JSON_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    by: str
    name: str
    view_json: str
    deleted: bool
    def __init__(self, by: _Optional[str] = ..., name: _Optional[str] = ..., view_json: _Optional[str] = ..., deleted: bool = ...) -> None: ...

class ReportSaved(_message.Message):
    __slots__ = ("by", "name", "report_json", "deleted")
    BY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REPORT_JSON_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    by: str
    name: str
    report_json: str
    deleted: bool
    def __init__(self, by: _Optional[str] = ..., name: _Optional[str] = ..., report_json: _Optional[str] = ..., deleted: bool = ...) -> None: ...

class SweepCreated(_message.Message):
    __slots__ = ("by", "sweep_id", "config_json")
    BY_FIELD_NUMBER: _ClassVar[int]
    SWEEP_ID_FIELD_NUMBER: _ClassVar[int]
    CONFIG_JSON_FIELD_NUMBER: _ClassVar[int]
    by: str
    sweep_id: str
    config_json: str
    def __init__(self, by: _Optional[str] = ..., sweep_id: _Optional[str] = ..., config_json: _Optional[str] = ...) -> None: ...

class TrialSuggested(_message.Message):
    __slots__ = ("sweep_id", "trial", "parameters_json", "attempt", "agent", "request_id")
    SWEEP_ID_FIELD_NUMBER: _ClassVar[int]
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_JSON_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    sweep_id: str
    trial: int
    parameters_json: str
    attempt: int
    agent: str
    request_id: str
    def __init__(self, sweep_id: _Optional[str] = ..., trial: _Optional[int] = ..., parameters_json: _Optional[str] = ..., attempt: _Optional[int] = ..., agent: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class TrialReported(_message.Message):
    __slots__ = ("sweep_id", "trial", "state", "value", "attempt", "reason")
    SWEEP_ID_FIELD_NUMBER: _ClassVar[int]
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    sweep_id: str
    trial: int
    state: str
    value: float
    attempt: int
    reason: str
    def __init__(self, sweep_id: _Optional[str] = ..., trial: _Optional[int] = ..., state: _Optional[str] = ..., value: _Optional[float] = ..., attempt: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class SweepChanged(_message.Message):
    __slots__ = ("by", "sweep_id", "state")
    BY_FIELD_NUMBER: _ClassVar[int]
    SWEEP_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    by: str
    sweep_id: str
    state: str
    def __init__(self, by: _Optional[str] = ..., sweep_id: _Optional[str] = ..., state: _Optional[str] = ...) -> None: ...

class SweepPointsAdded(_message.Message):
    __slots__ = ("by", "sweep_id", "parameters_json", "values")
    BY_FIELD_NUMBER: _ClassVar[int]
    SWEEP_ID_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_JSON_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    by: str
    sweep_id: str
    parameters_json: _containers.RepeatedScalarFieldContainer[str]
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, by: _Optional[str] = ..., sweep_id: _Optional[str] = ..., parameters_json: _Optional[_Iterable[str]] = ..., values: _Optional[_Iterable[float]] = ...) -> None: ...
