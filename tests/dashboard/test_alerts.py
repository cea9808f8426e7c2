"""Alerts: kept, listed, and told to a real HTTP server."""

import contextlib
import ipaddress
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import runwell
from runwell_dashboard.alerting import channels
from runwell_dashboard.alerting.config import AlertConfig, AlertConfigError, Webhook, find_config
from runwell_dashboard.alerting.outbox import WAITING_MAX, Outbox
from tests.cli.terminal import piped
from tests.dashboard.receiver import Receiver, receiving
from tests.dashboard.requests import request
from tests.server import Server, until

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
ALERT = {
    "entity": "ada",
    "project": "digits",
    "run_id": "r 1",
    "writer": "ab",
    "record": 2,
    "time": 1.0,
    "title": "<loss>",
    "text": "is & was",
    "level": "WARN",
    "wait_s": 60.0,
    "rule": "",
}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def write_config(directory: Path, receiver: Receiver, *targets: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    tables = [
        f'[[{kind}]]\nname = "{name}"\nurl = "{receiver.url("/" + name)}"' for kind, name in map(str.split, targets)
    ]
    path = directory / "alerts.toml"
    path.write_text("\n".join(['private = ["127.0.0.1"]', *tables]))
    return path


def delivered(server: Server) -> dict[str, int]:
    told = request(server.http, "/api/v1/status").json()["alerts"]
    return {target["name"]: target["delivered"] for target in told}


def test_alerts_are_told_once_whatever_is_killed(runwell_dir: Path, receiver: Receiver):
    """While the receiver fails they wait, also through SIGKILL of the dashboard; what it has got is not sent again."""
    with contextlib.closing(Server.start(runwell_dir / "server")) as server:
        with runwell.init(project="digits", id="before") as run:
            run.alert("old", "before anybody was named")
        until(lambda: request(server.http, "/api/v1/alerts").json()["alerts"], "the alert is in the views")
    write_config(runwell_dir / "server", receiver, "webhook hook", "slack chat")
    receiver.answers["/hook"] = 503
    with contextlib.closing(Server.start(runwell_dir / "server")) as server:
        with runwell.init(project="digits", id="r1") as run:
            run.alert("first", "text", level="ERROR")
            run.alert("first", "again")
            run.alert("first", "at once", wait_duration=0)
            run.alert("second", "text")
        until(lambda: receiver.tries.count("/hook") >= 2, "the webhook was tried")
        until(lambda: len([1 for at, _ in receiver.got if at == "/chat"]) == 3, "the other target has all")
        server.kill("dashboard")
        del receiver.answers["/hook"]
        until(lambda: delivered(server) == {"hook": 3, "chat": 3}, "both have all, and that is noted down")
        server.kill("dashboard")
        with runwell.init(project="digits", id="r2") as run:
            run.alert("third", "text")
        until(lambda: "third" in receiver.titles("/hook"), "the last one")
        assert sorted(receiver.titles("/hook")) == ["first", "first", "second", "third"]
        found = request(server.http, "/api/v1/alerts", project="digits").json()["alerts"]
        assert [alert["title"] for alert in found] == ["third", "second", "first", "first", "first", "old"]
        found = request(server.http, "/api/v1/runs/tester/digits/r1/alerts").json()["alerts"]
        assert [alert["text"] for alert in found] == ["text", "at once", "again", "text"]
        assert request(server.http, "/api/v1/runs/tester/digits/none/alerts").status == 404
        assert "ERROR first: text" in piped("show", "r1").output
        until(lambda: delivered(server) == {"hook": 4, "chat": 4}, "that is noted down too")
        assert "hook: 4 delivered, 0 waiting, 0 given up" in piped("status").output


def test_a_hanging_receiver_holds_up_nothing(runwell_dir: Path, receiver: Receiver):
    """Another target hears at once, and the server stops by itself while one delivery is under way."""
    config = write_config(runwell_dir / "elsewhere", receiver, "webhook hangs", "webhook works")
    receiver.answers["/hangs"] = None
    with contextlib.closing(Server.start(runwell_dir / "server", "--alerts", str(config))) as server:
        with runwell.init(project="digits", id="r1") as run:
            run.alert("first", "text")
            until(lambda: "/hangs" in receiver.tries, "the hanging one was asked")
            run.alert("second", "text")
        until(lambda: receiver.titles("/works") == ["first", "second"], "the other one has both")
        assert request(server.http, "/api/v1/status").status == 200
    with contextlib.closing(Outbox(runwell_dir / "server")) as outbox:
        assert [target["waiting"] for target in outbox.status()] == [2, 0]


@pytest.mark.parametrize(
    ("answer", "private", "reason", "final"),
    [
        (503, LOOPBACK, "status 503", False),
        (422, LOOPBACK, "status 422", True),
        (302, LOOPBACK, "redirects are not followed", False),
        (200, (), "no public address", False),
    ],
)
def test_what_is_no_delivery(receiver: Receiver, answer: int, private: Any, reason: str, final: bool):
    """A failure says why and whether to try again; nobody is followed elsewhere, nobody inside is asked unless named."""
    receiver.answers["/hook"] = answer
    with pytest.raises(channels.DeliveryError, match=reason) as raised:
        channels.deliver(Webhook("hook", receiver.url("/hook")), ALERT, AlertConfig(private=private))
    assert raised.value.final is final
    assert receiver.tries == (["/hook"] if private else [])


def test_a_delivery_is_bounded(receiver: Receiver, monkeypatch: pytest.MonkeyPatch):
    """A receiver that sends a byte now and then is left when the time is over."""
    monkeypatch.setattr(channels, "DELIVERY_S", 0.3)
    receiver.answers["/hook"] = None
    with pytest.raises(channels.DeliveryError, match="no answer within"):
        channels.deliver(Webhook("hook", receiver.url("/hook")), ALERT, AlertConfig(private=LOOPBACK))
    assert receiver.tries == ["/hook"]


def test_what_is_sent(receiver: Receiver):
    """A webhook gets fields and a link, Slack one text in which nothing of a run is markup."""
    config = AlertConfig(private=LOOPBACK, address="https://runs.example/base/")
    for slack in (False, True):
        channels.deliver(Webhook("hook", receiver.url("/hook?a=b"), slack=slack), ALERT, config)
    (_, plain), (path, chat) = receiver.got
    assert path == "/hook?a=b"
    assert plain["id"] == "ab-2" and plain["title"] == "<loss>" and plain["level"] == "WARN"
    assert plain["url"] == "https://runs.example/base/ada/digits/r%201"
    assert chat == {"text": f"*WARN: &lt;loss&gt;*\nis &amp; was\n<{plain['url']}|ada/digits/r 1>"}


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("127.0.0.1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("169.254.169.254", False),
        ("::ffff:10.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("224.0.0.1", False),
        ("93.184.216.34", True),
    ],
)
def test_which_addresses_are_asked(address: str, allowed: bool):
    """Public ones, and those in the networks that the file names; also when they are written as IPv6."""
    assert channels.is_allowed(address, LOOPBACK) is allowed


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[webhook]", "line 1"),
        ("[[pager]]", "'pager' is not known here"),
        ('[[webhook]]\nurl = "http://a.example"', "webhook 1: name is missing"),
        ('[[webhook]]\nname = "a"\nurl = "ftp://a.example"', "webhook 1: url is not an address"),
        ('[[slack]]\nname = "a"\nurl = "http://a.example"\nlevel = "LOUD"', "slack 1: level is 'LOUD'"),
        ('[[slack]]\nname = "a"\nurl = "http://a.example"\nretries = 5', "slack 1: 'retries' is not known here"),
        ('private = ["10.0.0.1/8"]', "private: '10.0.0.1/8' is neither"),
        ('[[slack]]\nname = "a"\nurl = "http://a.example"\n' * 2, "two targets are named 'a'"),
        ('[[webhook]]\nname = "a"\nurl = "http://a.example"\n[webhook.headers]\na = "b\\n"', "header 'a'"),
    ],
)
def test_a_wrong_file_is_told(tmp_path: Path, text: str, problem: str):
    """What is wrong, and where."""
    (tmp_path / "alerts.toml").write_text(text)
    with pytest.raises(AlertConfigError, match="alerts.toml: .*" + problem.replace("[", r"\[")):
        find_config(tmp_path, None)


def test_a_server_with_a_wrong_file_does_not_start(tmp_path: Path):
    """`runwell up` ends with the reason."""
    command = [sys.executable, "-m", "runwell", "up", "--dir", str(tmp_path / "server"), "--http-port", "0"]
    ended = subprocess.run(
        [*command, "--grpc-port", "0", "--alerts", str(tmp_path / "none.toml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "none.toml: there is no such file" in ended.stderr


def test_the_outbox_is_bounded(tmp_path: Path):
    """Beyond WAITING_MAX alerts are counted and not sent; one that is refused goes behind the others."""
    with contextlib.closing(Outbox(tmp_path)) as outbox:
        outbox.keep_targets(["a"])
        alerts = [({**ALERT, "title": str(number)}, ["a"]) for number in range(WAITING_MAX + 5)]
        outbox.take(alerts, "log", 7, 0.0)
        (status,) = outbox.status()
        assert (status["waiting"], status["given_up"]) == (WAITING_MAX, 5)
        assert outbox.position() == ("log", 7)
        first = outbox.next("a")
        assert first
        outbox.failed("a", first, "no")
        second = outbox.next("a")
        assert second and second.alert["title"] == "1"
        outbox.keep_targets(["b"])
        assert outbox.next("a") is None
