from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SweepName(_message.Message):
    __slots__ = ("entity", "project", "sweep_id")
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    SWEEP_ID_FIELD_NUMBER: _ClassVar[int]
    entity: str
    project: str
    sweep_id: str
    def __init__(self, entity: _Optional[str] = ..., project: _Optional[str] = ..., sweep_id: _Optional[str] = ...) -> None: ...

class TrialAttempt(_message.Message):
    __slots__ = ("trial", "attempt")
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    trial: int
    attempt: int
    def __init__(self, trial: _Optional[int] = ..., attempt: _Optional[int] = ...) -> None: ...

class CreateSweepRequest(_message.Message):
    __slots__ = ("sweep", "by", "config_json", "prior_runs")
    SWEEP_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    CONFIG_JSON_FIELD_NUMBER: _ClassVar[int]
    PRIOR_RUNS_FIELD_NUMBER: _ClassVar[int]
    sweep: SweepName
    by: str
    config_json: str
    prior_runs: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, sweep: _Optional[_Union[SweepName, _Mapping]] = ..., by: _Optional[str] = ..., config_json: _Optional[str] = ..., prior_runs: _Optional[_Iterable[str]] = ...) -> None: ...

class CreateSweepResponse(_message.Message):
    __slots__ = ("state",)
    STATE_FIELD_NUMBER: _ClassVar[int]
    state: str
    def __init__(self, state: _Optional[str] = ...) -> None: ...

class AskTrialRequest(_message.Message):
    __slots__ = ("sweep", "agent", "request_id")
    SWEEP_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    sweep: SweepName
    agent: str
    request_id: str
    def __init__(self, sweep: _Optional[_Union[SweepName, _Mapping]] = ..., agent: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class AskTrialResponse(_message.Message):
    __slots__ = ("trial", "wait", "over")
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    WAIT_FIELD_NUMBER: _ClassVar[int]
    OVER_FIELD_NUMBER: _ClassVar[int]
    trial: GivenTrial
    wait: str
    over: str
    def __init__(self, trial: _Optional[_Union[GivenTrial, _Mapping]] = ..., wait: _Optional[str] = ..., over: _Optional[str] = ...) -> None: ...

class GivenTrial(_message.Message):
    __slots__ = ("trial", "attempt", "parameters_json")
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_JSON_FIELD_NUMBER: _ClassVar[int]
    trial: int
    attempt: int
    parameters_json: str
    def __init__(self, trial: _Optional[int] = ..., attempt: _Optional[int] = ..., parameters_json: _Optional[str] = ...) -> None: ...

class ReportTrialRequest(_message.Message):
    __slots__ = ("sweep", "agent", "trial", "attempt", "state", "reason")
    SWEEP_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    sweep: SweepName
    agent: str
    trial: int
    attempt: int
    state: str
    reason: str
    def __init__(self, sweep: _Optional[_Union[SweepName, _Mapping]] = ..., agent: _Optional[str] = ..., trial: _Optional[int] = ..., attempt: _Optional[int] = ..., state: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ReportTrialResponse(_message.Message):
    __slots__ = ("state",)
    STATE_FIELD_NUMBER: _ClassVar[int]
    state: str
    def __init__(self, state: _Optional[str] = ...) -> None: ...

class BeatRequest(_message.Message):
    __slots__ = ("sweep", "agent")
    SWEEP_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    sweep: SweepName
    agent: Agent
    def __init__(self, sweep: _Optional[_Union[SweepName, _Mapping]] = ..., agent: _Optional[_Union[Agent, _Mapping]] = ...) -> None: ...

class BeatResponse(_message.Message):
    __slots__ = ("sweep_state", "stop")
    SWEEP_STATE_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    sweep_state: str
    stop: _containers.RepeatedCompositeFieldContainer[TrialAttempt]
    def __init__(self, sweep_state: _Optional[str] = ..., stop: _Optional[_Iterable[_Union[TrialAttempt, _Mapping]]] = ...) -> None: ...

class Agent(_message.Message):
    __slots__ = ("agent", "host", "pid", "jobs", "running", "silent_s")
    AGENT_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    JOBS_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    SILENT_S_FIELD_NUMBER: _ClassVar[int]
    agent: str
    host: str
    pid: int
    jobs: int
    running: _containers.RepeatedCompositeFieldContainer[TrialAttempt]
    silent_s: float
    def __init__(self, agent: _Optional[str] = ..., host: _Optional[str] = ..., pid: _Optional[int] = ..., jobs: _Optional[int] = ..., running: _Optional[_Iterable[_Union[TrialAttempt, _Mapping]]] = ..., silent_s: _Optional[float] = ...) -> None: ...

class ChangeSweepRequest(_message.Message):
    __slots__ = ("sweep", "by", "state")
    SWEEP_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    sweep: SweepName
    by: str
    state: str
    def __init__(self, sweep: _Optional[_Union[SweepName, _Mapping]] = ..., by: _Optional[str] = ..., state: _Optional[str] = ...) -> None: ...

class ChangeSweepResponse(_message.Message):
    __slots__ = ("state",)
    STATE_FIELD_NUMBER: _ClassVar[int]
    state: str
    def __init__(self, state: _Optional[str] = ...) -> None: ...

class AddRunsRequest(_message.Message):
    __slots__ = ("sweep", "by", "run_ids")
    SWEEP_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    RUN_IDS_FIELD_NUMBER: _ClassVar[int]
    sweep: SweepName
    by: str
    run_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, sweep: _Optional[_Union[SweepName, _Mapping]] = ..., by: _Optional[str] = ..., run_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class AddRunsResponse(_message.Message):
    __slots__ = ("added",)
    ADDED_FIELD_NUMBER: _ClassVar[int]
    added: int
    def __init__(self, added: _Optional[int] = ...) -> None: ...

class ListAgentsRequest(_message.Message):
    __slots__ = ("sweep",)
    SWEEP_FIELD_NUMBER: _ClassVar[int]
    sweep: SweepName
    def __init__(self, sweep: _Optional[_Union[SweepName, _Mapping]] = ...) -> None: ...

class ListAgentsResponse(_message.Message):
    __slots__ = ("agents",)
    AGENTS_FIELD_NUMBER: _ClassVar[int]
    agents: _containers.RepeatedCompositeFieldContainer[Agent]
    def __init__(self, agents: _Optional[_Iterable[_Union[Agent, _Mapping]]] = ...) -> None: ...
