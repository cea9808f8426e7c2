"""Media over HTTP, as the pages ask for them: a run logged by the client, folded and served."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import runwell
from tests.api.scene import component, send
from tests.dashboard.requests import Answer, request

RUN = "team/media/r"
CELLS = [[1, "b", 0.5], [2, "a", None], [3, "C", float("nan")], [None, "a b", 2.5]]


def log_everything(root: Path) -> None:
    """Images, histograms, a table and a chart, over some steps, with a kill's worth of odd values between."""
    settings: dict[str, Any] = {"git": False, "system_metrics": False, "entity": "team"}
    with runwell.init(mode="offline", dir=root, project="media", id="r", settings=settings) as run:
        for step in range(6):
            pixels = np.full((4, 4), step, np.uint8)
            row: dict[str, Any] = {"loss": 1.0 / (step + 1), "images/x": runwell.Image(pixels, caption=f"step {step}")}
            row["hist"] = runwell.Histogram(np_histogram=([step, 1], [0.0, 1.0, 2.0]))
            run.log(row)
        run.log({"hist": runwell.Histogram(np_histogram=([4], [0.0, 4.0]))})
        run.log({"hist": runwell.Histogram(np_histogram=([5], [3.0, 3.0]))})
        run.log({"pair": [runwell.Image(pixels), runwell.Image(pixels)], "nested": {"a": runwell.Html("<b>x</b>")}})
        run.log({"table": runwell.Table(columns=["n", "name", "x.y"], data=CELLS)})
        run.log({"chart": runwell.plot.confusion_matrix(y_true=[0, 1], preds=[0, 0], class_names=["a", "b"])})


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("media")
    log_everything(root)
    data_dir = root / "server"
    send(root / "spool", data_dir)
    shutil.copytree(root / "blobs", data_dir / "blobs")
    with component("runwell_projector", data_dir), component("runwell_dashboard", data_dir) as said:
        yield said["http"]


def asked(base: str, path: str, **parameters: Any) -> Any:
    answer = request(base, f"/api/v1/{path}", **parameters)
    assert answer.status == 200, answer.body
    return answer.json()


def refused(base: str, path: str, **parameters: Any) -> Answer:
    return request(base, f"/api/v1/{path}", **parameters)


def test_the_media_of_a_run_are_listed(base: str):
    """Each key with its type, and a chart with how it is drawn; numbers are none."""
    found = asked(base, "media", run=[RUN, "team/media/nobody"])["media"]
    assert [(entry["run"], entry["key"], entry["type"], entry["step"]) for entry in found] == [
        (RUN, "chart_table", "table-file", 10),
        (RUN, "hist", "histogram", 7),
        (RUN, "images/x", "image-file", 5),
        (RUN, "nested.a", "html-file", 8),
        (RUN, "pair", "images/separated", 8),
        (RUN, "table", "table-file", 9),
    ]
    assert found[0]["chart"]["panel"] == "wandb/confusion_matrix/v1"


def test_values_by_step_and_their_files(base: str):
    """A range of steps, thinned when there are many; the files are served by their digests."""
    (found,) = asked(base, "media/values", run=RUN, key=["images/x", "nothing"], min_step=1, max_step=4)["values"]
    assert (found["key"], found["steps"]) == ("images/x", [1, 2, 3])
    assert [value["caption"] for value in found["values"]] == ["step 1", "step 2", "step 3"]
    (few,) = asked(base, "media/values", run=RUN, key="images/x", samples=2)["values"]
    assert few["steps"] == [0, 5]
    image = request(base, f"/api/v1/blobs/{found['values'][0]['sha256']}", type="image/png")
    assert image.status == 200
    assert image.body.startswith(b"\x89PNG")
    (row,) = (row for row in asked(base, f"runs/{RUN}/history", keys="loss")["rows"] if row["_step"] == 3)
    assert row["_timestamp"] == found["times"][2]


def test_media_are_in_the_row_that_they_were_logged_with(base: str):
    """History and summary have them as wandb has."""
    rows = asked(base, f"runs/{RUN}/history")["rows"]
    assert [row["_step"] for row in rows] == list(range(11))
    assert all({"loss", "images/x", "hist"} <= row.keys() for row in rows[:6])
    summary = asked(base, f"runs/{RUN}")["summary"]
    assert summary["images/x"]["caption"] == "step 5"
    assert summary["nested"]["a"]["_type"] == "html-file"
    assert summary["_step"] == 10


def test_histograms_as_columns_of_a_heat_map(base: str):
    """All in the same bins, whatever bins each had; nothing of them is lost."""
    (found,) = asked(base, "histograms", run=RUN, key="hist", bins=4)["histograms"]
    assert found["steps"] == list(range(8))
    assert found["edges"] == [0, 1, 2, 3, 4]
    assert found["counts"][:2] == [[0, 1, 0, 0], [1, 1, 0, 0]]
    assert found["counts"][6:] == [[1, 1, 1, 1], [0, 0, 0, 5]]
    assert [sum(column) for column in found["counts"]] == [1, 2, 3, 4, 5, 6, 4, 5]
    assert not asked(base, "histograms", run=RUN, key="loss")["histograms"][0]["counts"]


def table_of(base: str) -> str:
    (found,) = asked(base, "media/values", run=RUN, key="table")["values"]
    return f"tables/{found['values'][0]['sha256']}"


@pytest.mark.parametrize(
    ("parameters", "places"),
    [
        ({}, [0, 1, 2, 3]),
        ({"offset": 1, "limit": 2}, [1, 2]),
        ({"order": "n"}, [0, 1, 2, 3]),
        ({"order": "-n"}, [2, 1, 0, 3]),
        ({"order": "name"}, [2, 1, 3, 0]),
        ({"order": "-x.y"}, [3, 0, 2, 1]),
        ({"filter": "summary.n > 1"}, [1, 2]),
        ({"filter": 'summary.name =~ "a"', "order": "-name"}, [3, 1]),
        # The text of NaN has an a in it.
        ({"search": "A"}, [1, 2, 3]),
        ({"search": "c"}, [2]),
        ({"filter": "summary.n > 99"}, []),
    ],
)
def test_pages_of_a_table(base: str, parameters: dict[str, Any], places: list[int]):
    """Sorted by any column, filtered, searched, page by page."""
    found = asked(base, table_of(base), **parameters)
    assert (found["columns"], found["total"]) == (["n", "name", "x.y"], 4)
    assert found["places"] == places
    assert json.dumps(found["rows"]) == json.dumps([CELLS[place] for place in places])


def test_what_cannot_be_answered_says_why(base: str):
    """Missing parameters, tables that are not there or none, and too many questions at once."""
    image = asked(base, "media/values", run=RUN, key="images/x")["values"][0]["values"][0]["sha256"]
    for answer, status, code in [
        (refused(base, "media"), 400, "invalid_parameter"),
        (refused(base, "media/values", run=RUN), 400, "invalid_parameter"),
        (
            refused(base, "media/values", run=[f"a/b/{number}" for number in range(99)], keys="a,b,c"),
            400,
            "invalid_parameter",
        ),
        (refused(base, "histograms", run=RUN, key="hist", bins=0), 400, "invalid_parameter"),
        (refused(base, f"tables/{'0' * 64}"), 404, "blob_uploading"),
        (refused(base, "tables/x"), 404, "blob_uploading"),
        (refused(base, f"tables/{image}"), 422, "no_table"),
        (refused(base, table_of(base), order="nothing"), 400, "invalid_parameter"),
        (refused(base, table_of(base), filter="??"), 400, "invalid_filter"),
    ]:
        assert (answer.status, answer.json()["error"]["code"]) == (status, code)
