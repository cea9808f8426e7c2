"""What agents and people ask, over gRPC."""

import json
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

import grpc

from runwell.core.names import entity_problem, project_problem, run_id_problem
from runwell.core.sweeps.controller import AgentInfo, RefusedError
from runwell.core.sweeps.stream import SweepName
from runwell.core.sweeps.trials import Suggestion, Wait
from runwell.v1 import sweeps_pb2 as wire
from runwell.v1 import sweeps_pb2_grpc
from runwell_sweeps.counters import Counters
from runwell_sweeps.desks import Desks, UnknownSweepError
from runwell_sweeps.journal import JournalError
from runwell_sweeps.questions import BehindError

Context = grpc.aio.ServicerContext[Any, Any]
Method = Callable[["SweepService", Any, Context], Awaitable[Any]]

STATUSES: dict[type[Exception], grpc.StatusCode] = {
    RefusedError: grpc.StatusCode.INVALID_ARGUMENT,
    UnknownSweepError: grpc.StatusCode.NOT_FOUND,
    JournalError: grpc.StatusCode.UNAVAILABLE,
    BehindError: grpc.StatusCode.UNAVAILABLE,
}


def _answered(method: Method) -> Method:
    """The method, counted, with what cannot be done as a status."""

    @wraps(method)
    async def answer(self: "SweepService", request: Any, context: Context) -> Any:
        try:
            answered = await method(self, request, context)
        except tuple(STATUSES) as error:
            status = STATUSES[type(error)]
            self.counters.answered(method.__name__, status.name.lower())
            await context.abort(status, str(error))
        self.counters.answered(method.__name__, "ok")
        return answered

    return answer


def _name(sweep: wire.SweepName) -> SweepName:
    problem = entity_problem(sweep.entity) or project_problem(sweep.project) or run_id_problem(sweep.sweep_id)
    if problem:
        raise RefusedError(problem)
    return SweepName(sweep.entity, sweep.project, sweep.sweep_id)


class SweepService(sweeps_pb2_grpc.SweepServiceServicer):
    """Answers from the desks. Names of methods are the wire's."""

    def __init__(self, desks: Desks, counters: Counters) -> None:
        self._desks = desks
        self.counters = counters

    @_answered
    async def CreateSweep(self, request: wire.CreateSweepRequest, context: Context) -> wire.CreateSweepResponse:  # noqa: N802
        desk = await self._desks.create(_name(request.sweep), request.config_json, request.by)
        if request.prior_runs:
            await desk.add_runs(request.prior_runs, request.by)
        return wire.CreateSweepResponse(state=desk.controller.sweep.state)

    @_answered
    async def AskTrial(self, request: wire.AskTrialRequest, context: Context) -> wire.AskTrialResponse:  # noqa: N802
        if not request.agent or not request.request_id:
            raise RefusedError("an agent and a request id are needed, so that a question asked twice has one answer")
        desk = await self._desks.desk(_name(request.sweep))
        answer = await desk.ask(request.request_id, request.agent)
        if isinstance(answer, Suggestion):
            parameters = json.dumps(answer.parameters)
            given = wire.GivenTrial(trial=answer.trial, attempt=answer.attempt, parameters_json=parameters)
            return wire.AskTrialResponse(trial=given)
        if isinstance(answer, Wait):
            return wire.AskTrialResponse(wait=answer.reason)
        return wire.AskTrialResponse(over=answer.reason)

    @_answered
    async def ReportTrial(self, request: wire.ReportTrialRequest, context: Context) -> wire.ReportTrialResponse:  # noqa: N802
        desk = await self._desks.desk(_name(request.sweep))
        state: Any = request.state
        return wire.ReportTrialResponse(state=await desk.report(request.trial, request.attempt, state, request.reason))

    @_answered
    async def Beat(self, request: wire.BeatRequest, context: Context) -> wire.BeatResponse:  # noqa: N802
        desk = await self._desks.desk(_name(request.sweep))
        agent = request.agent
        running = [(attempt.trial, attempt.attempt) for attempt in agent.running]
        stop = await desk.beat(AgentInfo(agent.agent, agent.host, agent.pid, agent.jobs, running))
        return wire.BeatResponse(
            sweep_state=desk.controller.sweep.state,
            stop=[wire.TrialAttempt(trial=trial, attempt=attempt) for trial, attempt in stop],
        )

    @_answered
    async def ChangeSweep(self, request: wire.ChangeSweepRequest, context: Context) -> wire.ChangeSweepResponse:  # noqa: N802
        desk = await self._desks.desk(_name(request.sweep))
        return wire.ChangeSweepResponse(state=await desk.change(request.state, request.by))

    @_answered
    async def AddRuns(self, request: wire.AddRunsRequest, context: Context) -> wire.AddRunsResponse:  # noqa: N802
        desk = await self._desks.desk(_name(request.sweep))
        return wire.AddRunsResponse(added=await desk.add_runs(request.run_ids, request.by))

    @_answered
    async def ListAgents(self, request: wire.ListAgentsRequest, context: Context) -> wire.ListAgentsResponse:  # noqa: N802
        desk = self._desks.known(_name(request.sweep))
        return wire.ListAgentsResponse(agents=[_told(*agent) for agent in desk.agents()] if desk else [])


def _told(agent: AgentInfo, silent_s: float) -> wire.Agent:
    running = [wire.TrialAttempt(trial=trial, attempt=attempt) for trial, attempt in agent.running]
    return wire.Agent(
        agent=agent.agent, host=agent.host, pid=agent.pid, jobs=agent.jobs, running=running, silent_s=silent_s
    )
