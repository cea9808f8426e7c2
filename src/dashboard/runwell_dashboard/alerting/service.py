"""Follows the views' alerts and delivers them, in threads of its own: one that follows, and one for each target.

So a receiver that hangs holds up nobody but itself.
"""

import sqlite3
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

from runwell_dashboard.alerting.channels import DeliveryError, deliver
from runwell_dashboard.alerting.config import LEVELS, AlertConfig, Webhook
from runwell_dashboard.alerting.outbox import Outbox, Waiting
from runwell_projector.query import Alert, Views, log_end

LOOK_S = 1.0
"""How often the views are looked at for new alerts."""

ALERTS_AT_ONCE = 500

RETRY_S = 1.0
RETRY_S_MAX = 300.0
"""A target that failed is tried again after 1, 2, 4, … 300 s."""

GIVE_UP_S = 86_400.0
"""An alert that could not be delivered for so long is no news any more."""


class AlertService:
    """Runs from ``start`` to ``close``."""

    def __init__(self, data_dir: Path, config: AlertConfig) -> None:
        self._data_dir = data_dir
        self._config = config
        self._stopping = threading.Event()
        self._news = {target.name: threading.Event() for target in config.targets}
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Remembers the log's end when it is the first start: older alerts are not told."""
        with closing(Outbox(self._data_dir)) as outbox:
            outbox.keep_targets(list(self._news))
            if outbox.position() is None:
                outbox.move(*log_end(self._data_dir))
        # As daemons they hold up no end of the process; what was not delivered then is in the outbox.
        self._threads = [threading.Thread(target=self._follow, name="alerts", daemon=True)] + [
            threading.Thread(target=self._send_all, args=(target,), name=f"alerts of {target.name}", daemon=True)
            for target in self._config.targets
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Asks the threads to end; does not wait for a receiver that hangs."""
        self._stopping.set()
        for news in self._news.values():
            news.set()

    def _follow(self) -> None:
        failing = False
        with Views.open(self._data_dir) as views, closing(Outbox(self._data_dir)) as outbox:
            while not self._stopping.is_set():
                try:
                    while self._take(views, outbox):
                        pass
                    failing = False
                except sqlite3.Error as error:
                    if not failing:
                        say(f"alerts cannot be read or noted down, and will be once that is possible: {error}")
                    failing = True
                self._stopping.wait(LOOK_S)

    def _take(self, views: Views, outbox: Outbox) -> bool:
        """Takes in some new alerts; returns whether there may be more at once."""
        log_id, offset = outbox.position() or (None, 0)
        served, end = views.checkpoint()
        if served is None or end == offset:
            return False
        if log_id not in (None, served):
            outbox.move(*log_end(self._data_dir))
            return False
        alerts, reached = views.new_alerts(offset, ALERTS_AT_ONCE)
        if reached == offset:
            return False
        outbox.take([(alert, self._told(alert)) for alert in alerts], served, reached, time.time())
        for news in self._news.values():
            news.set()
        return bool(alerts)

    def _told(self, alert: Alert) -> list[str]:
        """Names of the targets that want to hear of it; a level that is none counts as the greatest."""
        place = LEVELS.index(alert["level"]) if alert["level"] in LEVELS else len(LEVELS)
        return [target.name for target in self._config.targets if LEVELS.index(target.level) <= place]

    def _send_all(self, target: Webhook) -> None:
        failures = 0
        with closing(Outbox(self._data_dir)) as outbox:
            while not self._stopping.is_set():
                self._news[target.name].clear()
                try:
                    waiting = outbox.next(target.name)
                    failures = 0 if waiting is None or self._sent(outbox, target, waiting) else failures + 1
                except sqlite3.Error as error:
                    say(f"the outbox of alerts cannot be used: {error}")
                    waiting, failures = None, failures + 1
                if failures:
                    self._stopping.wait(min(RETRY_S * 2.0 ** min(failures - 1, 20), RETRY_S_MAX))
                elif waiting is None:
                    self._news[target.name].wait()

    def _sent(self, outbox: Outbox, target: Webhook, waiting: Waiting) -> bool:
        try:
            deliver(target, waiting.alert, self._config)
        except DeliveryError as error:
            late = time.time() - waiting.since > GIVE_UP_S
            if error.final or late:
                say(f"an alert is not delivered to {target.name}, and is not tried again: {error}")
                outbox.give_up(target.name, waiting, str(error))
                return error.final
            outbox.failed(target.name, waiting, str(error))
            return False
        outbox.delivered(target.name, waiting)
        return True


def say(line: str) -> None:
    """One line for whoever runs the server."""
    print(f"runwell dashboard: {line}", file=sys.stderr, flush=True)
