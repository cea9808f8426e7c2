"""The HTTP API gives back what was logged, whatever it was."""

import json
from collections.abc import Iterable
from http.client import HTTPConnection
from urllib.parse import quote, urlencode

import numpy as np
import pytest

from runwell._api import Api
from runwell.core.filters import ordered, parse, parse_order
from tests.api.scene import HOSTILE_ID
from tests.dashboard.conftest import Served
from tests.dashboard.requests import request

RUNS = ("plain", "odd", "resumed", HOSTILE_ID)


def address(run_id: str) -> str:
    """Where a run of the scene is."""
    return f"/api/v1/runs/ada/digits/{quote(run_id, safe='')}"


def contents(rows: Iterable[dict]) -> str:
    """Rows with their types, whatever the order of their keys."""
    return repr([sorted(row.items()) for row in rows])


@pytest.mark.parametrize("run_id", RUNS)
def test_a_run_reads_like_its_spools(served: Served, run_id: str):
    """What the server tells of a run is what its spools tell, but for the time at which the server received it."""
    theirs, ours = Api(served.base).run(f"ada/digits/{run_id}"), Api(spool=served.spool).run(run_id)
    views = [sorted((run.view | {"updated_at": 0}).items()) for run in (theirs, ours)]
    assert repr(views[0]) == repr(views[1])
    for selection in ({}, {"masked": True}, {"all": True}, {"keys": ["loss"]}, {"min_step": 1, "max_step": 7}):
        for page_size in (3, 1_000):
            found = theirs.scan_history(page_size=page_size, **selection)
            assert contents(found) == contents(ours.scan_history(**selection))
    for asked in ({"samples": 4}, {"samples": 1}, {"samples": 3, "keys": ["loss", "epoch"]}, {"samples": 20_000}):
        assert contents(theirs.history(**asked)) == contents(ours.history(**asked))


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("", ""),
        ("config.lr <= 0.1 or state == 'crashed'", "-config.lr"),
        ("'baseline' in tags", "summary.loss"),
        ("name =~ 'h' and not (config.n == null)", "name"),
        ("summary.loss == inf", "-created_at,run_id"),
        (f"run_id == {json.dumps(HOSTILE_ID, ensure_ascii=False)}", ""),
        ("config.opt != null and records.stored > 3", "-last_step"),
    ],
)
def test_runs_are_filtered_and_ordered_as_the_language_says(served: Served, text: str, order: str):
    """The runs of a question are those that ``matches`` finds, in the order of ``ordered``."""
    everything = request(served.base, "/api/v1/runs").json()["runs"]
    answer = request(served.base, "/api/v1/runs", filter=text, order=order).json()
    expected = ordered([view for view in everything if parse(text).matches(view)], parse_order(order))
    assert answer["total"] == len(expected)
    assert repr(answer["runs"]) == repr(expected)
    page = request(served.base, "/api/v1/runs", filter=text, order=order, offset=1, limit=1, project="digits").json()
    assert (page["total"], repr(page["runs"])) == (len(expected), repr(expected[1:2]))


def test_projects_and_server(served: Served):
    """Projects are counted, and the server says what it is."""
    (project,) = request(served.base, "/api/v1/projects").json()["projects"]
    assert (project["entity"], project["project"], project["runs"], project["running"]) == ("ada", "digits", 4, 0)
    said = request(served.base, "/api/v1/server").json()
    assert said["version"] and said["log_id"] and said["grpc_port"] is None
    (served.data_dir / "components" / "collector.json").write_text(
        '{"pid": 1, "http": "http://127.0.0.1:1", "grpc": "127.0.0.1:7070"}'
    )
    assert request(served.base, "/api/v1/server").json()["grpc_port"] == 7070


def test_pages_of_a_history_join(served: Served):
    """Pages follow their cursors without a gap or a repeat, and JSON lines give the same rows in one answer."""
    whole = request(served.base, address("resumed") + "/history").json()
    rows, after = [], ""
    while after is not None:
        page = request(served.base, address("resumed") + "/history", limit=5, after=after).json()
        assert len(page["rows"]) <= 5
        rows, after = rows + page["rows"], page["next"]
    assert rows == whole["rows"] and whole["next"] is None
    lines = request(served.base, address("resumed") + "/history", headers={"accept": "application/x-ndjson"}, limit=2)
    assert lines.headers["content-type"].startswith("application/x-ndjson")
    assert [json.loads(line) for line in lines.body.splitlines()] == rows


def test_keys_with_commas_are_named_one_by_one(served: Served):
    """A key= is taken as it is; keys= is split at commas."""
    (row,) = request(served.base, address(HOSTILE_ID) + "/history", key="keys,with,commas").json()["rows"]
    assert row["keys,with,commas"] == 2 and "a/b c\"'é" not in row
    rows = request(served.base, address("plain") + "/history", keys="loss,epoch", limit=2).json()["rows"]
    assert set(rows[0]) == {"_step", "_timestamp", "_runtime", "loss", "epoch"}


def columns(body: bytes) -> dict[str, dict[str, list]]:
    """Reads the binary form of series by its description."""
    assert body[:6] == b"RWCOLS" and body[6] == 1
    start = 12 + int.from_bytes(body[8:12], "little")
    assert start % 8 == 0
    series = {}
    for entry in json.loads(body[12:start]):
        points = entry["points"]

        def block(name: str, dtype: str) -> list:
            offset = start + entry[name]  # noqa: B023
            assert offset % 8 == 0
            return np.frombuffer(body, dtype, points, offset).tolist()  # noqa: B023

        dtypes = {"f64": "<f8", "i64": "<i8", "bool": "?"}
        if entry["type"] in dtypes:
            values = block("values", dtypes[entry["type"]])
        else:
            values = json.loads(body[start + entry["values"] :][: entry["values_bytes"]])
        series[entry["key"]] = {"steps": block("steps", "<i8"), "times": block("times", "<f8"), "values": values}
    return series


@pytest.mark.parametrize("run_id", RUNS)
def test_series_are_the_same_in_both_forms(served: Served, run_id: str):
    """Binary columns hold exactly what the JSON form holds, and both what the history holds."""
    rows = request(served.base, address(run_id) + "/history").json()["rows"]
    keys = [*sorted({key for row in rows for key in row if not key.startswith("_")}), "never logged"]
    text = request(served.base, address(run_id) + "/series", key=keys).json()["series"]
    binary = request(
        served.base, address(run_id) + "/series", headers={"accept": "application/vnd.runwell.columns"}, key=keys
    )
    assert repr(columns(binary.body)) == repr(text)
    for key in keys:
        having = [row for row in rows if key in row]
        assert text[key]["steps"] == [row["_step"] for row in having]
        assert repr(text[key]["values"]) == repr([row[key] for row in having])


def test_status_tells_how_far_everything_is(served: Served):
    """status has offsets, lag, sums of records, poison and free space."""
    status = request(served.base, "/api/v1/status").json()
    assert status["log"] == {"id": status["views"]["log_id"], "end": status["views"]["offset"], "lag": 0}
    assert status["views"]["records"] | {"stored": 0, "expected": 0} == dict.fromkeys(status["views"]["records"], 0) | {
        "masked": 1
    }
    assert status["views"]["records"]["stored"] == status["views"]["records"]["expected"] > 40
    assert status["views"]["poisoned"]["batches"] == 0 and status["disk"]["free_bytes"] > 0
    assert status["components"]["projector"]["ready"] is True and status["components"]["dashboard"]["ready"] is True


def test_metrics_count_requests(served: Served):
    """/metrics counts answers by status."""
    request(served.base, "/nowhere")
    assert 'runwell_dashboard_requests_total{status="404"}' in request(served.base, "/metrics").body.decode()


def tables(body: bytes) -> list[dict]:
    """Reads the binary form of tables by its description."""
    assert body[:8] == b"RWCOLS\x02\x00"
    start = 12 + int.from_bytes(body[8:12], "little")
    found = json.loads(body[12:start])
    dtypes = {"f64": "<f8", "i64": "<i8", "bool": "?"}
    for entry in found:
        for name, column in entry["columns"].items():
            data = body[start + column["at"] :][: column["bytes"]]
            kind = column["type"]
            entry["columns"][name] = np.frombuffer(data, dtypes[kind]).tolist() if kind in dtypes else json.loads(data)
    return found


@pytest.mark.parametrize("question", [{}, {"x": "time"}, {"x": "relative", "samples": 3}, {"bands": 1, "min": 2}])
def test_curves_of_many_runs_in_one_answer(served: Served, question: dict):
    """Each run's points are those of its history, the same in both forms and whether asked or posted."""
    runs = [f"ada/digits/{run_id}" for run_id in RUNS]
    asked = {"run": [*runs, "ada/digits/nobody"], "key": ["loss", "epoch", "never logged"], **question}
    found = request(served.base, "/api/v1/series", **asked).json()["series"]
    binary = request(served.base, "/api/v1/series", headers={"accept": "application/vnd.runwell.columns"}, **asked)
    assert repr(tables(binary.body)) == repr(found)
    posted = HTTPConnection(served.base.removeprefix("http://"), timeout=30)
    posted.request("POST", "/api/v1/series", body=urlencode(asked, doseq=True))
    assert repr(json.loads(posted.getresponse().read())["series"]) == repr(found)
    posted.close()
    assert {(curve["run"], curve["key"]) for curve in found} >= {("ada/digits/plain", "loss")}
    if not question:
        for curve in found:
            rows = request(served.base, address(curve["run"].split("/", 2)[2]) + "/history", key=curve["key"]).json()
            expected = sorted(((row["_step"], row[curve["key"]]) for row in rows["rows"]), key=lambda point: point[0])
            assert repr(list(zip(*curve["columns"].values(), strict=True))) == repr(expected)


@pytest.mark.parametrize(
    "wrong", [{"run": "no"}, {"key": []}, {"x": "y"}, {"samples": 0}, {"min": "nan"}, {"run": []}, {"max": "much"}]
)
def test_a_curve_that_cannot_be_is_refused(served: Served, wrong: dict):
    """The answer names the parameter."""
    asked = {"run": "ada/digits/plain", "key": "loss", **wrong}
    answer = request(served.base, "/api/v1/series", **asked)
    assert answer.status == 400
    assert next(iter(wrong)) in answer.json()["error"]["message"]
