"""What the predictions would have been one horizon ago, beside what then happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import numpy as np

from ml import evaluation
from ml.clv.bgnbd import NotIdentifiedError
from ml.clv.histories import Basis, first_day, load_actual, load_histories
from ml.clv.models import Prediction, fit_bgnbd, predict_naive
from ml.data import FloatArray
from ml.report import ReportRow, compare

_SHORTER_HORIZONS = (182, 91, 28)
_MIN_HISTORY_DAYS = 91
_MIN_CUSTOMERS = 30
INTERVAL = (0.1, 0.9)


@dataclass(frozen=True)
class Backtest:
    """The hold-out: `model` is None where the calibration data did not identify it."""

    origin: date
    horizon_days: int
    actual: FloatArray
    naive: Prediction
    model: Prediction | None
    problem: str | None

    @property
    def model_wins(self) -> bool:
        """Whether the model's mean absolute error is at most that of the naive rule."""
        if self.model is None:
            return False
        model = evaluation.mean_absolute_error(self.actual, self.model.value)
        naive = evaluation.mean_absolute_error(self.actual, self.naive.value)
        return model is not None and naive is not None and model <= naive


def run_backtest(
    connection: duckdb.DuckDBPyConnection, as_of: date, horizon_days: int, basis: Basis
) -> Backtest | None:
    """Calibrates on what was before as_of − horizon and compares with the horizon after it.

    A history too short for the whole horizon is tested on a shorter one; None when not even four weeks fit.
    """
    begin = first_day(connection, as_of)
    if begin is None:
        return None
    for horizon in (horizon_days, *(h for h in _SHORTER_HORIZONS if h < horizon_days)):
        origin = as_of - timedelta(days=horizon)
        if (origin - begin).days < _MIN_HISTORY_DAYS:
            continue
        histories = load_histories(connection, origin, basis)
        if histories.size < _MIN_CUSTOMERS:
            continue
        _, actual = load_actual(connection, origin, as_of, basis)
        model, problem = None, None
        try:
            model = fit_bgnbd(histories).predict(histories, horizon)
        except NotIdentifiedError as error:
            problem = str(error)
        return Backtest(origin, horizon, actual, predict_naive(histories, horizon), model, problem)
    return None


def report_rows(backtest: Backtest, as_of: date, unit: str) -> list[ReportRow]:
    """The measures of the model beside the naive rule's; the rule's alone where there is no model."""
    split = f"calibrated before {backtest.origin}, tested {backtest.origin} to {as_of} (exclusive)"
    population = f"{len(backtest.actual)} customers with a purchase before {backtest.origin}; {unit}"
    actual, naive = backtest.actual, backtest.naive.value
    model = backtest.model.value if backtest.model is not None else None
    rows = []
    for name, measure, lower in (
        ("mae", evaluation.mean_absolute_error, True),
        ("spearman", evaluation.spearman, False),
        ("normalised_gini", evaluation.normalised_gini, False),
    ):
        rows.append(
            compare(
                name, measure(actual, model) if model is not None else None, measure(actual, naive),
                baseline_name="mean of 13-week and lifetime rate", split=split, population=population,
                lower_is_better=lower,
            )
        )  # fmt: skip
    own = evaluation.aggregate_error_pct(actual, model) if model is not None else None
    theirs = evaluation.aggregate_error_pct(actual, naive)
    passed = abs(own) <= abs(theirs) if own is not None and theirs is not None else None
    rows.append(
        ReportRow(
            "aggregate_error_pct", own, "mean of 13-week and lifetime rate", theirs, split, population, passed
        )
    )
    return rows


@dataclass(frozen=True)
class Intervals:
    """Empirical 80 % interval of the value by predicted value, learnt from the hold-out.

    Customers are grouped by their prediction; the interval of a prediction lies between the 10 % and 90 %
    quantiles of what customers with such a prediction really brought.
    """

    centre: FloatArray
    low: FloatArray
    high: FloatArray
    horizon_days: int

    @classmethod
    def learn(cls, predicted: FloatArray, actual: FloatArray, horizon_days: int) -> Intervals:
        order = np.argsort(predicted, kind="stable")
        groups = np.array_split(order, int(np.clip(len(order) // 50, 1, 40)))
        centre = np.array([predicted[g].mean() for g in groups])
        low, high = np.array([np.quantile(actual[g], INTERVAL) for g in groups]).T
        centre, first = np.unique(centre, return_index=True)
        return cls(centre, low[first], high[first], horizon_days)

    def of(self, predicted: FloatArray, horizon_days: int) -> tuple[FloatArray, FloatArray]:
        """Low and high per customer. A horizon other than the learnt one is scaled in proportion."""
        ratio = horizon_days / self.horizon_days
        scaled = predicted / ratio
        top = self.centre[-1]
        beyond = np.where((scaled > top) & (top > 0), scaled / top if top > 0 else 1.0, 1.0)
        low = np.interp(scaled, self.centre, self.low) * beyond * ratio
        high = np.interp(scaled, self.centre, self.high) * beyond * ratio
        return np.minimum(low, predicted), np.maximum(high, predicted)


def interval_coverage(predicted: FloatArray, actual: FloatArray, horizon_days: int) -> float | None:
    """Coverage on customers that the intervals were not learnt from: every second by turns."""
    even = np.arange(len(actual)) % 2 == 0
    if even.sum() < _MIN_CUSTOMERS:
        return None
    inside = np.empty(len(actual), dtype=bool)
    for learnt in (even, ~even):
        low, high = Intervals.learn(predicted[learnt], actual[learnt], horizon_days).of(
            predicted[~learnt], horizon_days
        )
        inside[~learnt] = (actual[~learnt] >= low) & (actual[~learnt] <= high)
    return float(inside.mean())
