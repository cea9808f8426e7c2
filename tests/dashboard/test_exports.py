"""Files of the runs table and of histories have what the API answers, in every format."""

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from runwell._api import Api
from runwell.cli import main
from tests.dashboard.conftest import Served
from tests.dashboard.requests import request


def exported(base: str, what: str, form: str, **parameters: Any) -> list[dict[str, Any]]:
    """The rows of a file, without what they lack; of CSV they are texts."""
    answer = request(base, f"/api/v1/export/{what}", format=form, **parameters)
    assert answer.status == 200, answer.body
    assert answer.headers["content-disposition"] == f'attachment; filename="{what}.{form}"'
    if form == "parquet":
        rows = pyarrow.parquet.read_table(io.BytesIO(answer.body)).to_pylist()
    elif form == "csv":
        rows = list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))
    else:
        rows = [json.loads(line) for line in answer.body.splitlines()]
    return [{key: value for key, value in row.items() if value not in (None, "")} for row in rows]


def test_the_runs_table_as_a_file(served: Served):
    """All fields of all runs that match, in the order that was asked for; chosen columns alone when some are."""
    asked = {"project": "digits", "order": "name"}
    runs = Api(served.base).runs("digits", order="name")
    lines = exported(served.base, "runs", "ndjson", **asked)
    assert [line["run_id"] for line in lines] == [run.id for run in runs]
    plain = next(line for line in lines if line["run_id"] == "plain")
    assert (plain["config.lr"], plain["config.opt.name"], plain["tags"]) == (0.1, "adam", ["baseline", "fast"])
    assert plain["config.n"] == 2**53 + 1
    chosen = exported(
        served.base, "runs", "csv", **asked, column=["summary.loss", "config.flag"], filter="config.lr > 0"
    )
    assert [row.get("summary.loss") for row in chosen] == [
        json.dumps(run.summary["loss"]) for run in runs if run.config.get("lr", 0) > 0
    ]
    assert list(chosen[0])[:3] == ["entity", "project", "run_id"]
    table = {row["run_id"]: row for row in exported(served.base, "runs", "parquet", **asked)}
    assert table["plain"]["user"] == "ada" and table["plain"]["last_step"] == 19
    assert table["plain"]["config.lr"] == 0.1 and table["plain"]["tags"] == '["baseline", "fast"]'
    assert math.isinf(table["odd"]["summary.loss"])


@pytest.mark.parametrize("form", ["csv", "ndjson", "parquet"])
def test_histories_as_a_file(served: Served, form: str):
    """Every row of every run that is asked for, with the run's name; a run that there is not is told before anything is sent."""
    runs = list(Api(served.base).runs("digits"))
    rows = exported(served.base, "history", form, run=["/".join(run.path) for run in runs], all=1)
    expected = [{"run": "/".join(run.path), **row} for run in runs for row in run.scan_history(all=True)]
    assert [row["run"] for row in rows] == [row["run"] for row in expected]
    for row, wanted in zip(rows, expected, strict=True):
        assert row.keys() == {key for key, value in wanted.items() if value not in (None, "")}
        if form == "ndjson":
            assert repr(row) == repr({key: wanted[key] for key in row})
        elif isinstance(wanted.get("loss"), float):
            assert float(row["loss"]) == wanted["loss"] or math.isnan(wanted["loss"])
    assert request(served.base, "/api/v1/export/history", run="ada/digits/never").status == 404
    assert request(served.base, "/api/v1/export/history").status == 400
    assert request(served.base, "/api/v1/export/runs", format="xlsx").status == 400


def test_the_command_writes_whole_files(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
):
    """The form is that of the file's name; what is refused leaves no file, also not the one that was there."""
    monkeypatch.setenv("RUNWELL_BASE_URL", served.base)
    path = tmp_path / "runs.parquet"
    assert main(["export", "digits", "-o", str(path), "--filter", "config.lr > 0"]) == 0
    assert pyarrow.parquet.read_table(path).num_rows == 2
    before = path.read_bytes()
    assert main(["export", "digits", "-o", str(path), "--filter", "config.lr >"]) == 2
    assert main(["export", "--history", "never", "-o", str(path)]) == 1
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
    assert main(["export", "--history", "-o", str(path)]) == 2
    assert main(["export", "digits", "-o", str(tmp_path / "nowhere" / "x.csv")]) == 1
    capfdbinary.readouterr()
    assert main(["export", "--history", "digits/plain", "--keys", "loss"]) == 0
    lines = capfdbinary.readouterr().out.decode().split("\r\n")
    assert (
        lines[0] == "run,_step,_timestamp,_runtime,loss"
        and lines[1].startswith("ada/digits/plain,0,")
        and len(lines) == 22
    )
