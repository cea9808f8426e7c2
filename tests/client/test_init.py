"""init(), what it records, and what the run and the module offer."""

import argparse
import dataclasses
import hashlib
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format

import runwell
from runwell import _source
from runwell.core import limits, names
from runwell.v1 import event_pb2
from tests.client.spool_reading import events, read_rows, read_spool, spools, untimed

PLAIN = {"git": False}


def test_generated_names_are_readable_and_allowed():
    """Ids have 8 characters of [0-9a-z], names are two words and a number, and both are allowed as given ones."""
    ids = {names.run_id(hashlib.sha256(bytes([seed])).digest()) for seed in range(200)}
    assert len(ids) == 200
    assert all(len(run_id) == 8 and set(run_id) <= set(names.RUN_ID_ALPHABET) for run_id in ids)
    made = [names.run_name(hashlib.sha256(bytes([seed])).digest()) for seed in range(50)]
    assert all(len(name.split("-")) == 3 for name in made)
    assert not [name for name in (*ids, *made) if names.run_id_problem(name)]


@pytest.mark.parametrize(
    "run_id", ["../evil", "a/b", "", " a", "a ", ".", "..", "a\0b", "a:b", "x" * 129, "a\nb", "\ud800", "a\\b", 5]
)
def test_an_id_that_is_none_is_refused_before_anything_is_made(run_id: Any, tmp_path: Path):
    """The message shows what is wrong with it; no directory appears anywhere."""
    with pytest.raises(runwell.UsageError, match="run id"):
        runwell.init(id=run_id, mode="offline", dir=tmp_path / "root")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("run_id", ["x" * 128, "käse run", "..a", "a.b-c_d", "ä" * 128])
def test_an_odd_id_is_kept_as_it_is(run_id: str, tmp_path: Path):
    """What is allowed comes back from the spool unchanged, and its directory lies where spools lie."""
    with runwell.init(id=run_id, mode="offline", dir=tmp_path, settings={"git": False}) as run:
        run.log({"a": 1})
    (spool,) = spools(tmp_path)
    assert len(spool.name) < 255
    assert f'"run_id":{json.dumps(run_id, ensure_ascii=False)}'.encode() in (spool / "00000001.seg").read_bytes()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mode": "onlin"}, "online, offline, disabled"),
        ({"resume": "maybe"}, "'must', 'allow', 'never'"),
        ({"project": "a/b"}, "'/'"),
        ({"entity": ""}, "empty"),
        ({"tags": ["x" * 65]}, "1 to 64"),
        ({"settings": {"colour": 1}}, "unknown settings"),
        ({"settings": {"durability": "never"}}, "interval, always"),
        ({"reinit": "again"}, "create_new"),
    ],
)
def test_a_wrong_argument_is_answered(options: dict[str, Any], words: str, tmp_path: Path):
    """Every argument with a choice names the choices."""
    with pytest.raises(runwell.UsageError, match=words):
        runwell.init(**{"mode": "offline", "dir": tmp_path} | options)
    assert runwell.run is None


def test_every_event_is_one_of_the_contract(tmp_path: Path):
    """Each event of a run that uses everything parses as runwell.v1.Event, with nothing left over."""
    surrogate = "odd \udc80 text"
    with runwell.init(
        mode="offline",
        dir=tmp_path,
        id="r",
        name=surrogate,
        group="g",
        job_type="j",
        notes=surrogate,
        tags=["b", "a", "b"],
        config={"text": surrogate, "nan": float("nan")},
    ) as run:
        run.summary[surrogate] = surrogate
        del run.summary[surrogate.replace("\udc80", "\\udc80")]
        run.config.more = 1
        del run.config.more
    with runwell.init(mode="offline", dir=tmp_path, id="r", resume="must"):
        pass
    parsed = []
    for spool in spools(tmp_path):
        for record in read_spool(spool):
            assert record.event is not None
            parsed.append(json_format.ParseDict({"time": record.time, **record.event}, event_pb2.Event()))
    kinds = [event.WhichOneof("event") for event in parsed if event.WhichOneof("event") != "source_captured"]
    assert sorted(set(kinds)) == ["config_set", "run_finished", "run_resumed", "run_started", "summary_updated"]
    started = next(event.run_started for event in parsed if event.HasField("run_started"))
    assert started.fields.name == "odd \\udc80 text"
    assert list(started.fields.tags.values) == ["b", "a"]
    program = getattr(sys.modules["__main__"], "__file__", sys.argv[0])
    assert (started.process.program, started.process.pid > 0) == (program, True)
    assert started.process.python_version == sys.version.split()[0]


def git(*arguments: str, cwd: Path) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    ended = subprocess.run(["git", *identity, *arguments], cwd=cwd, capture_output=True, text=True, check=True)
    return ended.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit and a remote address that has a password in it."""
    directory = tmp_path / "checkout"
    directory.mkdir()
    git("init", "-q", "-b", "trunk", cwd=directory)
    git("remote", "add", "origin", "https://me:secret@example.org/team/digits.git?token=hidden", cwd=directory)
    (directory / "train.py").write_text("lr = 1\n")
    git("add", ".", cwd=directory)
    git("commit", "-q", "-m", "first", cwd=directory)
    monkeypatch.chdir(directory)
    return directory


def offline_run(**options: Any) -> Path:
    """The spool of an offline run that did nothing."""
    with runwell.init(mode="offline", **options) as run:
        spool = run.spool
    assert spool is not None
    return spool


@pytest.mark.parametrize("packed", [False, True])
def test_git_is_recorded_without_credentials(packed: bool, checkout: Path):
    """Commit, branch and remote are read from Git's files; the project is named after the repository."""
    if packed:
        git("pack-refs", "--all", cwd=checkout)
    (checkout / "sub").mkdir()
    spool = offline_run()
    (started,) = events(spool, "run_started")
    commit = git("rev-parse", "HEAD", cwd=checkout)
    remote = "https://example.org/team/digits.git"
    assert started["git"] == {"remote": remote, "commit": commit, "branch": "trunk"}
    assert b"secret" not in (spool / "00000001.seg").read_bytes()
    assert b'"project":"digits"' in (spool / "00000001.seg").read_bytes()
    assert not events(spool, "source_captured")


def test_a_worktree_and_a_detached_head_are_read(checkout: Path, monkeypatch: pytest.MonkeyPatch):
    """Git's own indirections are followed."""
    git("worktree", "add", "-q", "-b", "other", "../tree", cwd=checkout)
    monkeypatch.chdir(checkout.parent / "tree")
    assert events(offline_run(), "run_started")[0]["git"]["branch"] == "other"
    git("checkout", "-q", "--detach", cwd=checkout)
    monkeypatch.chdir(checkout)
    state = events(offline_run(), "run_started")[0]["git"]
    assert (state["branch"], state["commit"]) == ("", git("rev-parse", "HEAD", cwd=checkout))


def test_uncommitted_changes_follow_as_a_patch(checkout: Path, monkeypatch: pytest.MonkeyPatch):
    """The patch makes the commit what was run; of one beyond the limit only the digest is kept."""
    monkeypatch.setattr(_source, "REUSED_S", 0.0)
    (checkout / "train.py").write_text("lr = 2\n")
    (captured,) = events(offline_run(), "source_captured")
    patch = captured["git"]["patch"]
    assert captured["git"]["dirty"] is True
    assert captured["git"]["patch_sha256"] == hashlib.sha256(patch.encode()).hexdigest()
    git("checkout", "-q", "train.py", cwd=checkout)
    subprocess.run(["git", "apply"], input=patch, text=True, cwd=checkout, check=True)
    assert (checkout / "train.py").read_text() == "lr = 2\n"

    (checkout / "train.py").write_text("x" * (limits.PATCH_BYTES_MAX + 1))
    (captured,) = events(offline_run(), "source_captured")
    assert captured["git"]["patch"] == ""
    assert len(captured["git"]["patch_sha256"]) == 64


def test_runs_made_in_one_second_share_what_git_said(checkout: Path, monkeypatch: pytest.MonkeyPatch):
    """Git is asked once for many small runs of a process, and each of them has the patch."""
    monkeypatch.setattr(_source, "REUSED_S", 1e9)
    (checkout / "train.py").write_text("lr = 2\n")
    (first,) = events(offline_run(), "source_captured")
    monkeypatch.setenv("PATH", "")
    assert events(offline_run(), "source_captured") == [first]


def test_a_directory_without_git_and_a_broken_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """No repository is no trouble, nor is one that is damaged; the project is then "uncategorized"."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    spool = offline_run()
    assert not events(spool, "source_captured")
    assert b'"project":"uncategorized"' in (spool / "00000001.seg").read_bytes()


def test_config_takes_what_people_have(offline: runwell.Run):
    """Dicts, namespaces and dataclasses, by item, attribute and update; every change is an event with its top-level keys."""

    @dataclasses.dataclass
    class Options:
        width: int = 3

    config = offline.config
    config.update({"lr": 0.1, "net": {"depth": 2}, "-flag": True})
    config.update(argparse.Namespace(batch=16))
    config.update(Options(), seed=1)
    config.optimizer = print
    config["tuple"] = (1, 2)
    config.setdefaults({"lr": 5, "new": None})
    del config["tuple"]
    assert config.as_dict() == dict(config) == {
        "lr": 0.1, "net": {"depth": 2}, "flag": True, "batch": 16, "width": 3, "seed": 1,
        "optimizer": "builtins.print", "new": None,
    }  # fmt: skip
    assert (config.lr, config["net"]["depth"], config.get("none", 7), "lr" in config) == (0.1, 2, 7, True)
    changes = events(offline.spool, "config_set")
    assert json.loads(changes[1]["set_json"]) == {"batch": 16}
    assert changes[-1] == {"set_json": "{}", "removed": ["tuple"]}
    with pytest.raises(AttributeError, match="it has lr"):
        _ = config.missing


def test_config_changes_take_permission(offline: runwell.Run):
    """Another value raises and changes nothing, the same one is silent, and permission lets it pass."""
    offline.config.update({"lr": 0.1, "nan": float("nan"), "one": 1})
    before = len(events(offline.spool, "config_set"))
    offline.config.update({"lr": 0.1, "nan": float("nan")})
    assert len(events(offline.spool, "config_set")) == before
    for change in ({"lr": 0.2, "other": 1}, {"one": 2}):
        with pytest.raises(runwell.ConfigError, match="allow_val_change=True"):
            offline.config.update(change)
    assert "other" not in offline.config
    offline.config.update({"lr": 0.2}, allow_val_change=True)
    assert offline.config.lr == 0.2
    with pytest.raises(runwell.ConfigError, match="8,388,608"):
        offline.config.update({f"k{number}": "x" * (1 << 20) for number in range(9)})


def test_summary_is_the_last_value_of_everything(offline: runwell.Run):
    """Logged values, explicit ones, nested ones and removals: whatever was last counts, whichever way it came."""
    summary = offline.summary
    offline.log({"loss": 0.5, "x": {"a": 1}})
    summary["loss"] = 9.0
    summary.best = {"acc": 0.9, "at": {"step": 3}}
    assert untimed(summary) == {"x": {"a": 1}, "loss": 9.0, "best": {"acc": 0.9, "at": {"step": 3}}}
    offline.log({"loss": 0.25, "x": 5})
    offline.log({"x": {"b": 2}, "text": "t", "none": None})
    summary["best"]["at"]["epoch"] = 1
    del summary["best"]["acc"]
    assert (summary["loss"], summary.text, summary["best"].at.epoch, dict(summary["x"])) == (0.25, "t", 1, {"b": 2})
    summary.update({"best": 1, "loss": 0.1}, more=True)
    assert untimed(summary) == {"x": {"b": 2}, "text": "t", "best": 1, "loss": 0.1, "more": True}
    with pytest.raises(KeyError):
        del summary["never"]
    offline.log({"late": 1}, step=0)
    assert "late" not in summary


def test_a_finished_run_says_no_and_stays_readable(offline: runwell.Run):
    """After finish(), log, config and summary raise UsageError for changes; values can still be read."""
    offline.log({"a": 1})
    offline.finish()
    offline.finish(5)
    for change in (
        lambda: offline.log({"a": 2}),
        lambda: offline.config.update(x=1),
        lambda: offline.summary.update(x=1),
    ):
        with pytest.raises(runwell.UsageError, match="is finished"):
            change()
    assert (offline.summary["a"], offline.step) == (1, 1)
    assert events(offline.spool, "run_finished") == [{"exit_code": 0}]


def test_the_module_follows_the_current_run(tmp_path: Path):
    """log, config, summary and run are those of the open run; without one they say that init() is missing."""
    for use in (
        lambda: runwell.log({"a": 1}),
        lambda: runwell.config.update(a=1),
        lambda: runwell.config["a"],
        lambda: runwell.summary.a,
    ):
        with pytest.raises(runwell.Error, match=r"You must call runwell.init\(\)"):
            use()
    runwell.finish()
    with runwell.init(mode="offline", dir=tmp_path) as run:
        assert runwell.run is run
        runwell.log({"a": 1})
        runwell.config["lr"] = 1
        runwell.summary["b"] = 2
        assert (dict(run.config), untimed(run.summary)) == ({"lr": 1}, {"a": 1, "b": 2})
    assert runwell.run is None


def test_a_second_init_follows_reinit(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """By default it returns the open run, and warns when another was meant; it can end it, or start one beside it."""
    options: dict[str, Any] = {"mode": "offline", "dir": tmp_path}
    first = runwell.init(id="first", **options)
    assert runwell.init(**options) is first
    assert runwell.init(id="other", **options) is first
    assert "first is open" in capsys.readouterr().err
    with pytest.raises(runwell.UsageError, match="first is open"):
        runwell.init(id="other", resume="must", **options)
    with pytest.raises(runwell.UsageError, match="is open in this process"):
        runwell.init(id="first", reinit="create_new", **options)
    beside = runwell.init(id="beside", reinit="create_new", **options)
    assert runwell.run is first
    second = runwell.init(id="second", reinit="finish_previous", **options)
    assert runwell.run is second
    with pytest.raises(runwell.UsageError, match="is finished"):
        first.log({"a": 1})
    beside.log({"a": 1})
    beside.finish()
    second.finish()


def test_a_disabled_run_keeps_last_values_and_nothing_else(tmp_path: Path):
    """It writes no file and behaves: config, summary, log with its errors, finish, shortcuts."""
    with runwell.init(mode="disabled", dir=tmp_path / "root", config={"lr": 1}) as run:
        run.log({"a": 1.0, "n": {"b": 2}})
        run.log({"a": 2.0}, step=7)
        run.summary["c"] = 3
        assert runwell.run is run
        assert (dict(run.config), run.summary.as_dict()) == ({"lr": 1}, {"a": 2.0, "n": {"b": 2}, "c": 3})
        assert (run.step, run.url, run.spool, run.disabled, bool(run.dir)) == (0, None, None, True, True)
        with pytest.raises(TypeError):
            run.log({1: 2})
    assert not (tmp_path / "root").exists()


def test_a_run_without_a_server_says_how_to_start_one(capsys: pytest.CaptureFixture[str]):
    """Online without a known server: the run is kept, and the message names the two commands."""
    with runwell.init(settings={"git": False}) as run:
        run.log({"a": 1})
        spool = run.spool
        assert run.url is None
    said = capsys.readouterr().err
    assert "`runwell up`" in said
    assert "`runwell sync`" in said
    assert read_rows(spool) == [(0, {"a": 1})]


def test_a_directory_that_is_gone_does_not_stop_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The working directory may have been removed: the run goes without Git; only a relative root cannot be found."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with runwell.init(mode="offline", project="p") as run:
        run.log({"a": 1})
    with pytest.raises(runwell.UsageError, match="RUNWELL_DIR"):
        runwell.init(mode="offline", dir="here")


@pytest.mark.parametrize(
    "setting",
    [{"finish_timeout_s": "5"}, {"finish_timeout_s": float("nan")}, {"spool_bytes_max": "1G"}, {"spool_bytes_max": -1}],
)
def test_a_setting_that_is_no_number_is_refused(setting: dict[str, Any], runwell_dir: Path):
    """The message names the setting and what it takes; nothing is made."""
    with pytest.raises(runwell.UsageError, match=f"{next(iter(setting))} must be a number of"):
        runwell.init(mode="offline", settings=setting)
    assert not (runwell_dir / "spool").exists()


def test_the_environment_is_followed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Arguments win over settings=, which win over the environment."""
    monkeypatch.setenv("RUNWELL_PROJECT", "from environment")
    monkeypatch.setenv("RUNWELL_MODE", "disabled")
    monkeypatch.setenv("RUNWELL_BASE_URL", "http://127.0.0.1:9")
    with runwell.init() as run:
        assert (run.entity, run.project, run.disabled) == ("tester", "from environment", True)
        assert run.settings.base_url == "http://127.0.0.1:9"
    with runwell.init(mode="offline", settings={"project": "from settings"}, entity="me") as run:
        assert run.path == f"me/from settings/{run.id}"
    with runwell.init(settings=runwell.Settings(mode="offline", entity="you")) as run:
        assert (run.entity, run.project, run.offline) == ("you", "from environment", True)


def test_the_servers_file_is_found(runwell_dir: Path):
    """`runwell up` on the same root directory is known by the file that it writes; a file of something else is not."""
    from runwell._settings import resolve

    file = runwell_dir / "server" / "server.json"
    file.parent.mkdir()
    for text, expected in (
        ('{"http": "http://127.0.0.1:1", "grpc": "127.0.0.1:2", "pid": 3}', "http://127.0.0.1:1"),
        ("{}", None),
        ("[]", None),
        ("garbage", None),
    ):
        file.write_text(text)
        assert resolve(None, {}).base_url == expected


def test_a_typing_error_on_a_run_is_an_error(offline: runwell.Run):
    """An unknown attribute cannot be set."""
    with pytest.raises(AttributeError, match="'tag'"):
        offline.tag = "x"


def test_a_runs_own_files_have_folders_of_wandbs_shape(tmp_path: Path):
    """``dir/wandb/*run-*/run-*.wandb`` finds the run by its id at once; ``run.dir`` is beside it; a second call changes nothing."""
    with runwell.init(mode="offline", project="p", id="one", dir=tmp_path, settings=PLAIN) as run:
        (marker,) = tmp_path.glob("wandb/*run-*/run-*.wandb")
        assert marker.name == "run-one.wandb"
        assert marker.parent.name.startswith("offline-run-")
        assert Path(run.dir) == marker.parent / "files"
        assert (tmp_path / "wandb" / "latest-run").resolve() == marker.parent
        assert run.dir == run.dir
    with runwell.init(mode="offline", project="p", id="two", settings=PLAIN) as run:
        assert not (run.settings.root / "wandb").exists()
        assert Path(run.dir).is_dir()
    with runwell.init(mode="disabled", project="p") as run:
        assert not Path(run.dir).exists()


def test_an_alert_is_an_event(offline: runwell.Run):
    """Title, text, level and waiting time are kept; what cannot be meant is refused and nothing is kept of it."""
    offline.alert("first", "text")
    runwell.alert(title="second", text="*text*", level=runwell.AlertLevel.ERROR, wait_duration=timedelta(minutes=5))
    offline.alert("t" * 2_000, "\udc80", level="WARN", wait_duration=0)
    refused: list[tuple[Any, ...]] = [
        ("t", "t", "LOUD"),
        ("t", "t", "INFO", -1),
        ("t", "t", "INFO", "soon"),
        ("t", "t", 3),
    ]
    for arguments in refused:
        with pytest.raises(ValueError, match="must be"):
            offline.alert(*arguments)
    with pytest.raises(TypeError, match="must be a string"):
        offline.alert("title", 5)  # type: ignore[arg-type]
    assert events(offline.spool, "alert_raised") == [
        {"title": "first", "text": "text", "level": "INFO", "wait_s": 60.0},
        {"title": "second", "text": "*text*", "level": "ERROR", "wait_s": 300.0},
        {"title": "t" * 1_024, "text": "\\udc80", "level": "WARN", "wait_s": 0.0},
    ]
    offline._label(code="transformers_trainer")
    offline.finish()
    with pytest.raises(runwell.UsageError, match="finished"):
        offline.alert("late", "text")
