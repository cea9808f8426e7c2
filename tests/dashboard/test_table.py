"""What the runs table asks: chosen fields, which there are, groups, keys, and what is new."""

import math
from urllib.parse import quote

import pytest

from tests.api.scene import HOSTILE_ID
from tests.dashboard.conftest import Served
from tests.dashboard.requests import EventStream, request


def table(base: str, **parameters: object) -> dict:
    return request(base, "/api/v1/table", **parameters).json()


def test_a_table_has_the_columns_in_their_order(served: Served):
    """Values come in the order of the columns, null where a run has none, NaN and infinities as they were logged."""
    columns = ["summary.loss", "config.opt.name", 'config["opt.weight.decay"]', "tags", "config.limit", "summary.never"]
    found = table(served.base, column=columns, order="name")
    runs = {run["run_id"]: run["values"] for run in found["runs"]}
    assert found["total"] == 4
    assert runs["plain"] == [0.05, "adam", 0.01, ["baseline", "fast"], None, None]
    assert runs["odd"] == [math.inf, None, None, [], math.inf, None]
    assert {run["state"] for run in found["runs"]} >= {"finished", "failed"}


def test_a_table_is_filtered_ordered_and_cut_like_the_runs(served: Served):
    """The same question to runs and table names the same runs."""
    asked = {"filter": "last_step >= 0", "order": "-last_step,name", "offset": 1, "limit": 2}
    runs = request(served.base, "/api/v1/runs", **asked).json()
    found = table(served.base, **asked)
    assert found["total"] == runs["total"] == 4
    assert [run["run_id"] for run in found["runs"]] == [run["run_id"] for run in runs["runs"]]


@pytest.mark.parametrize("column", ["loss", "config.a,config.b", "-config.a", "config.a < 1", ""])
def test_a_column_is_one_field(served: Served, column: str):
    """Anything but one field is refused with the reason."""
    answer = request(served.base, "/api/v1/table", column=column)
    assert (answer.status, answer.json()["error"]["code"]) == (400, "invalid_parameter")


def test_fields_are_those_that_runs_have(served: Served):
    """Config and summary keys, each with how many runs have it and its types; a name that only begins others is none."""
    fields = {info["field"]: info for info in request(served.base, "/api/v1/fields", project="digits").json()["fields"]}
    assert fields["config.lr"] == {"field": "config.lr", "runs": 2, "types": ["number"]}
    assert fields["config.opt.name"]["types"] == ["string"]
    assert fields["config.flag"]["types"] == ["boolean"] and fields["config.list"]["types"] == ["array"]
    assert "config.opt" not in fields


def test_groups_measure_what_their_runs_have(served: Served):
    """Mean, least, greatest and deviation are of the finite numbers of a group, whatever else is shown."""
    groups = request(served.base, "/api/v1/groups", by="state", column=["config.lr", "summary.loss"]).json()["groups"]
    by_state = {group["values"][0]: group for group in groups}
    assert by_state["failed"]["columns"] == [{"count": 1, "mean": 0.2, "min": 0.2, "max": 0.2, "std": 0.0}, None]
    finished = by_state["finished"]
    assert finished["runs"] == 2 and finished["columns"][1]["mean"] == pytest.approx((0.05 + 31.0) / 2)
    assert finished["columns"][1]["std"] == pytest.approx((31.0 - 0.05) / 2)
    assert request(served.base, "/api/v1/groups").status == 400


def test_keys_are_what_the_runs_logged(served: Served):
    """Only what was logged in rows is a key of a chart, as shown, of the runs asked for."""
    asked = {"entity": "ada", "project": "digits"}
    assert request(served.base, "/api/v1/keys", run=["plain"], **asked).json() == {"keys": ["epoch", "loss", "val/acc"]}
    both = request(served.base, "/api/v1/keys", run=["plain", HOSTILE_ID], **asked).json()["keys"]
    assert "a/b c\"'é" in both and "keys,with,commas" in both
    assert request(served.base, "/api/v1/keys", run=["plain"], match="^[el]o?", **asked).json() == {
        "keys": ["epoch", "loss"]
    }
    assert request(served.base, "/api/v1/keys", run=["plain"], match="(a+)+", **asked).status == 400


def test_projects_tell_who_and_when(served: Served):
    """A project has its runs by state, its users and the days on which runs were made."""
    (project,) = request(served.base, "/api/v1/projects").json()["projects"]
    assert (project["project"], project["runs"], project["failed"], project["users"]) == ("digits", 4, 2, ["ada"])
    assert sum(runs for _, runs in project["activity"]) == 4


def test_one_tail_follows_many_runs(served: Served):
    """Rows of every run come once, each with the place of its run in the question."""
    names = [f"ada/digits/{run_id}" for run_id in ("plain", HOSTILE_ID)]
    query = "&".join(f"run={quote(name, safe='')}" for name in names)
    stream = EventStream(served.base, f"/api/v1/tail?{query}&after=0")
    events = iter(stream)
    found = [next(events) for _ in range(4)]
    rows = [len(content["rows"]) for kind, _, content in found if kind == "rows" and content["run"] == 0]
    assert sum(rows) == 20 and [content["run"] for kind, _, content in found if kind == "run"] == [0, 1]
    stream.close()
    for wrong in ("run=a", "", "&".join(f"run=a/b/{number}" for number in range(51))):
        assert request(served.base, f"/api/v1/tail?{wrong}").status == 400


def test_changes_begin_with_the_position(served: Served):
    """Who opens the stream of changes is told at once where the views are."""
    stream = EventStream(served.base, "/api/v1/changes")
    kind, _, content = next(iter(stream))
    end = request(served.base, "/api/v1/status").json()["log"]["end"]
    assert (kind, content) == ("moved", {"position": end})
    stream.close()


def test_values_of_a_field_come_with_their_counts(served: Served):
    """The most frequent first, as they were logged; runs without one are no value, and the filter counts."""
    asked = request(served.base, "/api/v1/values", field="state").json()["values"]
    assert asked[0] == {"value": "finished", "runs": 2} and sum(value["runs"] for value in asked) == 4
    found = request(served.base, "/api/v1/values", field="config.flag", filter="config.lr > 0").json()["values"]
    assert [value["value"] for value in found] == [True]
    assert [
        value["value"]
        for value in request(served.base, "/api/v1/values", field="summary.loss", limit=1).json()["values"]
    ]
    assert request(served.base, "/api/v1/values").status == 400


def test_importance_is_of_runs_that_have_the_target(served: Served):
    """Keys that differ are measured; the method has a name; what is no config key is refused."""
    found = request(served.base, "/api/v1/importance", target="summary.loss", filter='state != "x"').json()
    assert found["method"] == "Kruskal-Wallis eta squared" and found["runs"] == 2
    fields = {parameter["field"]: parameter for parameter in found["parameters"]}
    assert fields["config.lr"]["importance"] >= 0.0 and "config.seed" not in fields
    assert request(served.base, "/api/v1/importance").status == 400
    wrong = {"target": "summary.loss", "parameter": "summary.loss"}
    assert request(served.base, "/api/v1/importance", **wrong).status == 400
