"""Sweeps: what is read comes from the views, what agents and people ask goes on to the controller of sweeps.

The controller listens on this machine alone; here is where the rest of the world reaches it.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf import json_format
from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runwell.core.sweeps.importance import importance
from runwell.core.sweeps.problems import SweepConfigError
from runwell.core.sweeps.stream import SweepName
from runwell.core.sweeps.trials import Sweep
from runwell.core.sweeps.views import sweep_view, trial_views
from runwell.v1 import sweeps_pb2 as wire
from runwell.v1 import sweeps_pb2_grpc
from runwell_dashboard import components
from runwell_dashboard.addresses import segment
from runwell_dashboard.answers import RequestError, answer, encoded
from runwell_dashboard.edits import BY, edit_content
from runwell_dashboard.runs import consistent, reader_of
from runwell_projector.query import Views

CALL_TIMEOUT_S = 30.0
"""A question that the controller has not answered by then may be asked again: it has the same answer."""

FAILURES = {
    grpc.StatusCode.INVALID_ARGUMENT: (400, "sweep_refused"),
    grpc.StatusCode.NOT_FOUND: (404, "sweep_not_found"),
    grpc.StatusCode.UNAVAILABLE: (503, "controller_unreachable"),
    grpc.StatusCode.DEADLINE_EXCEEDED: (503, "controller_unreachable"),
}


class SweepController:
    """The controller of sweeps, as far as its announcement tells where it is."""

    def __init__(self, data_dir: Any) -> None:
        self._data_dir = data_dir
        self._address = ""
        self._channel: grpc.aio.Channel | None = None

    async def call(self, method: str, request: Message) -> dict[str, Any]:
        """The answer as JSON. Raises RequestError."""
        said = await asyncio.to_thread(components.described, self._data_dir, "sweeps")
        address = str((said or {}).get("grpc", ""))
        if not address:
            raise _unreachable("it has not started yet")
        if address != self._address or self._channel is None:
            await self.close()
            self._address, self._channel = address, grpc.aio.insecure_channel(address)
        stub = sweeps_pb2_grpc.SweepServiceStub(self._channel)  # type: ignore[no-untyped-call]
        try:
            response = await getattr(stub, method)(request, timeout=CALL_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            status, code = FAILURES.get(error.code(), (500, "controller_failed"))
            if status == 503:
                raise _unreachable(error.details() or "") from None
            raise RequestError(status, code, error.details() or "the controller failed; its log says why") from None
        found: dict[str, Any] = json_format.MessageToDict(
            response, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
        return found

    async def close(self) -> None:
        """Closes the connection."""
        if self._channel is not None:
            await self._channel.close()
            self._channel = None


def _unreachable(problem: str) -> RequestError:
    message = f"the controller of sweeps does not answer: {problem}; try again"
    return RequestError(503, "controller_unreachable", message, retry_after_s=1)


def sweep_name(request: Request) -> SweepName:
    """The sweep of the path."""
    return SweepName(segment(request, "entity"), segment(request, "project"), segment(request, "sweep_id"))


# ---- What is asked of the controller


async def _asked(request: Request, method: str, message: Message, name: SweepName | None = None) -> Response:
    """Sends the body to the controller as ``message``, which names the sweep."""
    content = await edit_content(request)
    content.pop("sweep", None)
    try:
        json_format.ParseDict(content, message)
    except json_format.ParseError as error:
        raise RequestError(400, "invalid_request", f"the request cannot be understood: {error}") from None
    name = name or sweep_name(request)
    message.sweep.MergeFrom(wire.SweepName(**name._asdict()))  # type: ignore[attr-defined]
    if "by" in message.DESCRIPTOR.fields_by_name and not message.by:  # type: ignore[attr-defined]
        message.by = BY  # type: ignore[attr-defined]
    controller: SweepController = request.app.state.sweeps
    return answer(await controller.call(method, message))


async def create_sweep(request: Request) -> Response:
    """Creates the sweep of the path from "config_json", once however often it is sent; "prior_runs" count as done."""
    return await _asked(request, "CreateSweep", wire.CreateSweepRequest())


async def change_sweep(request: Request) -> Response:
    """Brings the sweep into the "state" running, paused, stopped, cancelled or deleted."""
    return await _asked(request, "ChangeSweep", wire.ChangeSweepRequest())


async def ask_trial(request: Request) -> Response:
    """Gives the "agent" a trial, or says why to "wait" or that it is "over"; equal "request_id", equal answer."""
    return await _asked(request, "AskTrial", wire.AskTrialRequest())


async def report_trial(request: Request) -> Response:
    """An "attempt" of a "trial" ended in a "state": finished, failed, stopped, lost or preempted."""
    return await _asked(request, "ReportTrial", wire.ReportTrialRequest())


async def beat(request: Request) -> Response:
    """The "agent" lives; answers which of its running attempts to "stop"."""
    return await _asked(request, "Beat", wire.BeatRequest())


async def add_runs(request: Request) -> Response:
    """Takes in the runs "run_ids", which happened outside the sweep."""
    return await _asked(request, "AddRuns", wire.AddRunsRequest())


# ---- What is read


async def list_sweeps(request: Request) -> Response:
    """``{"sweeps"}`` of an entity and a project, the newest first; deleted ones only by their "sweep_id"."""
    place = (request.query_params.get("entity") or None, request.query_params.get("project") or None)

    wanted = request.query_params.get("sweep_id") or None

    def listed(views: Views) -> bytes:
        names = [name for name in views.sweeps(*place) if wanted in (None, name.sweep_id)]
        found = [(name, sweep) for name in names if (sweep := _readable(views, name))]
        return encoded(
            {"sweeps": [sweep_view(name, sweep) for name, sweep in found if wanted or sweep.state != "deleted"]}
        )

    body = await reader_of(request).ask(listed, consistent=consistent(request))
    return Response(body, media_type="application/json")


async def show_sweep(request: Request) -> Response:
    """The sweep: its configuration, state, counts of trials, best trial, and the agents that are at work."""
    name = sweep_name(request)
    view = await _read(request, lambda sweep, views: sweep_view(name, sweep))
    controller: SweepController = request.app.state.sweeps
    try:
        found = await controller.call("ListAgents", wire.ListAgentsRequest(sweep=wire.SweepName(**name._asdict())))
    except RequestError:
        found = {"agents": None}
    return answer({**view, "agents": found["agents"]})


async def list_trials(request: Request) -> Response:
    """``{"trials"}``: parameters, state, value, times and runs of each."""
    name = sweep_name(request)

    def listed(sweep: Sweep, views: Views) -> list[dict[str, Any]]:
        runs: dict[int, list[str]] = {}
        for run in views.trial_runs(name):
            runs.setdefault(run.trial, []).append(run.run_id)
        return trial_views(sweep, runs)

    return answer({"trials": await _read(request, listed)})


async def show_importance(request: Request) -> Response:
    """How much each parameter tells of the metric: ``{"method", "trials", "parameters"}``."""
    return answer(await _read(request, lambda sweep, views: importance(sweep)))


async def _read(request: Request, question: Callable[[Sweep, Views], Any]) -> Any:
    name = sweep_name(request)

    def asked(views: Views) -> Any:
        sweep = _readable(views, name)
        return None if sweep is None else question(sweep, views)

    found = await reader_of(request).ask(asked, consistent=consistent(request))
    if found is None:
        raise RequestError(404, "sweep_not_found", f"there is no sweep {name}")
    return found


def _readable(views: Views, name: SweepName) -> Sweep | None:
    try:
        return views.sweep(name)
    except SweepConfigError:
        # Written by a version with other rules: its records are kept, and it cannot be shown.
        return None


SWEEP = "/api/v1/sweeps/{entity}/{project}/{sweep_id}"
ROUTES = (
    Route("/api/v1/sweeps", list_sweeps),
    Route(SWEEP, show_sweep),
    Route(SWEEP, create_sweep, methods=["PUT"]),
    Route(SWEEP, change_sweep, methods=["PATCH"]),
    Route(SWEEP + "/trials", list_trials),
    Route(SWEEP + "/importance", show_importance),
    Route(SWEEP + "/ask", ask_trial, methods=["POST"]),
    Route(SWEEP + "/report", report_trial, methods=["POST"]),
    Route(SWEEP + "/beat", beat, methods=["POST"]),
    Route(SWEEP + "/runs", add_runs, methods=["POST"]),
)
