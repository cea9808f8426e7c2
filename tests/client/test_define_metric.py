"""define_metric() in the training process: what it takes, and the summary that it makes."""

import math
import os
from pathlib import Path
from typing import Any

import pytest

import runwell
from tests.client.spool_reading import events, spools, untimed

PLAIN = {"git": False}


def begin(**options: Any) -> runwell.Run:
    return runwell.init(**{"mode": "offline", "project": "p", "settings": PLAIN, "id": "one"} | options)


def server_side(run_id: str = "one") -> dict[str, Any]:
    """The run's summary as the server's fold has it."""
    root = os.environ["RUNWELL_DIR"]
    summary = runwell.Api(spool=root).run(run_id).view["summary"]
    return {key: value for key, value in summary.items() if not key.startswith("_")}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"name": ""}, "Unhandled define_metric.. arg: name"),
        ({"name": None}, "Unhandled define_metric.. arg: name"),
        ({"name": "*x"}, "glob suffixes only"),
        ({"name": "a*b"}, "glob suffixes only"),
        ({"name": "a", "step_metric": 1}, "arg: step_metric"),
        ({"name": "a", "step_metric": "b*"}, "one metric as step_metric"),
        ({"name": "a", "step_sync": "yes"}, "arg: step_sync"),
        ({"name": "a", "hidden": 1}, "arg: hidden"),
        ({"name": "a", "overwrite": 1}, "arg: overwrite"),
        ({"name": "a", "summary": 3}, "arg: summary"),
        ({"name": "a", "summary": "mim"}, "did you mean 'min'"),
        ({"name": "a", "goal": "up"}, "arg: goal"),
        ({"name": "a" * 600}, "512 bytes"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: dict[str, Any], words: str, offline: runwell.Run):
    """Each wrong argument is named, with what it takes; nothing is written."""
    with pytest.raises(runwell.Error, match=words):
        offline.define_metric(**arguments)
    spool = offline.spool
    offline.finish()
    assert not events(spool, "metric_defined")


def test_a_definition_is_recorded_as_it_was_said(offline: runwell.Run):
    """Blanks and capitals in the list of summaries, a metric for a name, and goals in short are understood."""
    epoch = offline.define_metric("epoch", hidden=True)
    offline.define_metric("val/*", epoch, summary="min, MAX", goal="max", step_sync=False, overwrite=True)
    offline.define_metric("a\\.b", summary=["mean"])
    spool = offline.spool
    offline.finish()
    assert events(spool, "metric_defined") == [
        {"name": "epoch", "hidden": True, "overwrite": False},
        {
            "name": "val/*",
            "step_metric": "epoch",
            "step_sync": False,
            "summary": ["min", "max"],
            "goal": "maximize",
            "overwrite": True,
        },
        {"name": "a.b", "summary": ["mean"], "overwrite": False},
    ]
    with pytest.raises(runwell.UsageError, match="finished"):
        offline.define_metric("late")


def test_the_module_has_it_too():
    """runwell.define_metric is that of the current run, and says so when there is none."""
    with pytest.raises(runwell.Error, match=r"must call runwell.init\(\) before runwell.define_metric"):
        runwell.define_metric("a")
    with begin():
        assert runwell.define_metric("a", step_metric="b").step_sync
    with runwell.init(mode="disabled"):
        assert runwell.define_metric("a", summary="min").summary == ("min",)


def test_the_summary_is_right_at_once_and_equals_the_servers():
    """After each row; ints stay ints; globs, nested keys and keys in odd rows count; and the server's fold says the same."""
    with begin() as run:
        run.define_metric("*", summary="min,max,first,last,mean")
        run.define_metric("plain")
        run.define_metric("gone", summary="none")
        run.define_metric("accuracy", summary="best", goal="maximize")
        numbers = [3, 1.5, -2, 8]
        for place, number in enumerate(numbers, 1):
            run.log({"a": number, "n": {"x": number * 2}, "plain": number, "gone": 1, "accuracy": number})
            done = numbers[:place]
            expected = {"min": min(done), "max": max(done), "first": 3, "last": number, "mean": sum(done) / place}
            assert run.summary["a"] == expected
            assert run.summary["n"]["x"]["max"] == max(done) * 2
            assert run.summary["plain"] == number
            assert run.summary["accuracy"]["best"] == max(done)
            assert "gone" not in run.summary
        run.log({"a": "text", "n": None, "b": [1, 2], "big": 2**70})
        assert run.summary["a"]["last"] == "text"
        assert run.summary["a"]["max"] == 8
        assert run.summary["b"] == {"first": [1, 2], "last": [1, 2]}
        assert run.summary["big"]["max"] == 2.0**70
        found = untimed(run.summary.as_dict())
    assert server_side() == found


def test_rows_of_before_count_also_when_they_are_synced(tmp_path: Path):
    """A definition after ten thousand rows: what memory no longer has is read from the spool, once."""
    with begin() as run:
        for number in range(10_000):
            run.log({"a": abs(number - 3_000), "b": float(number)})
        run._lane.sync()  # type: ignore[union-attr]
        run.define_metric("a", summary="min,max")
        run.log({"a": 5, "b": -1.0})
        assert run.summary["a"] == {"min": 0, "max": 6_999}
        run.define_metric("b", summary="min,mean")
        assert run.summary["b"] == {"min": -1.0, "mean": pytest.approx(4_999.0, rel=1e-3)}
        found = untimed(run.summary.as_dict())
    assert server_side() == found


def test_hidden_rows_do_not_count():
    """A row that the rule for steps refused changes no statistics."""
    with begin() as run:
        run.define_metric("a", summary="min")
        run.log({"a": 5}, step=10)
        run.log({"a": 1}, step=3)
        assert run.summary["a"] == {"min": 5}
    assert server_side() == {"a": {"min": 5}}


def test_of_several_values_of_a_step_the_last_counts():
    """log(a=1, step=3), log(a=2, step=3): the row has 2, and so have the statistics."""
    with begin() as run:
        run.define_metric("a", summary="min,first,mean")
        run.log({"a": 1}, step=3)
        run.log({"a": 2}, step=3)
        run.log({"a": 4.0})
        assert run.summary["a"] == {"min": 4.0, "first": 4.0, "mean": 4.0}
        run.log({"a": 8})
        assert run.summary["a"] == {"min": 4.0, "first": 4.0, "mean": 6.0}
    assert server_side() == {"a": {"min": 4.0, "first": 4.0, "mean": 6.0}}


def test_a_value_where_another_is_best():
    """define_metric("accuracy", at="loss") (wandb #4812): also when the two come in separate calls of one step."""
    with begin() as run:
        run.define_metric("loss", goal="minimize")
        run.define_metric("accuracy", at="loss")
        run.define_metric("note", at="loss", goal="maximize")
        for loss, accuracy in ((3.0, 0.1), (1.0, 0.7), (2.0, 0.9)):
            run.log({"loss": loss}, commit=False)
            run.log({"accuracy": accuracy, "note": f"at {loss}"})
        assert run.summary["accuracy"] == {"best": 0.7}
        assert run.summary["note"] == {"best": "at 3.0"}
        run.log({"loss": 0.5})
        assert run.summary["accuracy"] == {"best": 0.9}
        found = untimed(run.summary.as_dict())
    assert server_side() == found


def test_not_a_number_does_not_spoil_the_minimum():
    """Upstream a NaN stays the minimum for ever; here it is passed over, and infinities count."""
    with begin() as run:
        run.define_metric("a", summary="min,max,mean")
        for number in (math.nan, 2.0, math.inf, 1.0):
            run.log({"a": number})
        assert run.summary["a"] == {"min": 1.0, "max": math.inf, "mean": math.inf}
    assert server_side() == {"a": {"min": 1.0, "max": math.inf, "mean": math.inf}}


def test_resuming_keeps_what_was_best():
    """Best loss 0.25, resume, define min, log 9: the minimum is 0.25 (wandb #9684 says 9); also without another definition."""
    with begin() as run:
        run.define_metric("loss", summary="min,mean")
        run.define_metric("accuracy", at="loss")
        for loss in (1.0, 0.25):
            run.log({"loss": loss, "accuracy": 1 - loss, "late": loss})
    for define in (True, False):
        with begin(resume="must") as run:
            assert run.summary["loss"]["min"] == 0.25
            if define:
                run.define_metric("loss", summary="min,mean")
                run.define_metric("late", summary="min")
                assert run.summary["late"] == {"min": 0.25}
            run.log({"loss": 9.0, "late": 9.0, "accuracy": 0})
            assert run.summary["loss"]["min"] == 0.25
            assert run.summary["accuracy"] == {"best": 0.75}
            assert run.summary["late"] == {"min": 0.25}
            found = untimed(run.summary.as_dict())
    assert found["loss"]["mean"] == (1.25 + 18) / 4
    assert server_side() == found


def test_a_value_set_by_hand_ends_the_statistics(runwell_dir: Path):
    """wandb's golden vector, also across a resume: define, log 3 and 1, set 42, log 5 is 5, until it is defined again."""
    with begin() as run:
        run.define_metric("v", summary="min,max,mean,last,first")
        run.log({"v": 3})
        run.log({"v": 1})
        assert run.summary["v"] == {"min": 1, "max": 3, "mean": 2.0, "last": 1, "first": 3}
        run.summary["v"] = 42
        assert run.summary["v"] == 42
        run.log({"v": 5})
        assert run.summary["v"] == 5
    with begin(resume="must") as run:
        run.log({"v": 6})
        assert run.summary["v"] == 6
        assert server_side() == {"v": 6}
        run.define_metric("v", summary="min,max")
        assert run.summary["v"]["min"] == 1
    assert server_side()["v"]["max"] == 6
    assert len(spools(runwell_dir)) == 2
