"""Puts into rows the step metrics that they were logged without: ``runwell.core.history.fill_step_metrics`` by columns."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from runwell.core.history import Selection
from runwell.core.metrics import Metric, MetricRules
from runwell.core.system import STREAMS
from runwell_projector.ancestry import Ancestry, find_ancestry, lanes_of
from runwell_projector.codecs import DTYPES, Array, Values, joined
from runwell_projector.history_table import Table
from runwell_projector.series import Series

DEFINITIONS = "SELECT metrics FROM definition JOIN run ON run.number = definition.run WHERE entity = ? AND project = ? AND run_id = ?"


def metric_rules(view: Sequence[Mapping[str, Any]]) -> MetricRules:
    """The definitions of a run's view."""
    return MetricRules(Metric(**{**metric, "summary": tuple(metric["summary"])}) for metric in view)


def ask_rows(connection: sqlite3.Connection, run: tuple[str, str, str], selection: Selection) -> "AskedRows | None":
    """None when there is no such run."""
    found = connection.execute(DEFINITIONS, run).fetchone() if selection.stream == STREAMS[0] else None
    rules = None if found is None else metric_rules(json.loads(found[0]))
    ancestry = find_ancestry(connection, run, selection.keys, selection.stream)
    return None if ancestry is None else AskedRows(connection, ancestry, selection, rules)


class AskedRows:
    """The rows that are asked for of one run, and how the tables read of them are completed."""

    def __init__(
        self, connection: sqlite3.Connection, ancestry: Ancestry, selection: Selection, rules: MetricRules | None
    ) -> None:
        self.ancestry = ancestry
        self.selection = selection
        self._connection = connection
        self._rules = rules
        self._lanes: dict[str, dict[int, Series]] = {}

    def completed(self, table: Table) -> Table:
        """The table with the step metrics of its rows, as far as they were asked for."""
        if self._rules is None:
            return table
        columns = dict(table.columns)
        for metric, wanting in self._wanting(self._rules, table).items():
            column = self._column(metric, table, np.flatnonzero(wanting), columns.get(metric))
            if column is not None:
                columns[metric] = column
        return replace(table, columns=columns)

    def _unhidden(self) -> Ancestry:
        """Where all attempts are asked for, their values count also after a step that a later one went back to."""
        if not self.selection.all_attempts:
            return self.ancestry
        heads = [replace(head, step_max=None) for head in self.ancestry.own.heads]
        return Ancestry([*self.ancestry.parts[:-1], replace(self.ancestry.own, heads=heads)])

    def _wanting(self, rules: MetricRules, table: Table) -> dict[str, Array]:
        """Of each step metric the rows that lack it and have a value of a metric that goes by it."""
        found: dict[str, Array] = {}
        for key, (rows, _) in table.columns.items():
            metric = rules.of(key)
            if metric is not None and metric.step_sync and metric.step_metric and self._shows(metric.step_metric):
                found.setdefault(metric.step_metric, np.zeros(len(table), np.bool_))[rows] = True
        for name, wanting in found.items():
            if name in table.columns:
                wanting[table.columns[name][0]] = False
        return found

    def _shows(self, key: str) -> bool:
        return self.selection.keys is None or key in self.selection.keys

    def _column(
        self, metric: str, table: Table, rows: Array, known: tuple[Array, Values] | None
    ) -> tuple[Array, Values] | None:
        if metric not in self._lanes:
            self._lanes[metric] = lanes_of(self._connection, self._unhidden(), metric, masked=self.selection.masked)
        pieces = [] if known is None else [known]
        for lane in np.unique(table.lanes[rows]).tolist():
            series = self._lanes[metric].get(lane)
            if series is not None and len(series):
                of_lane = rows[table.lanes[rows] == lane]
                places = np.searchsorted(series.steps, table.steps[of_lane], side="right") - 1
                told = places >= 0
                told[told] = _numeric(series.values.chosen(places[told]))
                if told.any():
                    pieces.append((of_lane[told], series.values.chosen(places[told])))
        if not pieces:
            return None
        all_rows, values = np.concatenate([rows for rows, _ in pieces]), joined([values for _, values in pieces])
        order = np.argsort(all_rows, kind="stable")
        return all_rows[order], values.chosen(order)


def _numeric(values: Values) -> Array:
    if values.kind in DTYPES:
        return np.ones(len(values), np.bool_)
    return np.asarray([isinstance(value, int | float) for value in values.objects()], np.bool_)
