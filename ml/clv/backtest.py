"""What each model would have predicted on past days beside what then happened, and who wins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import numpy as np

from ml import evaluation
from ml.clv import two_part
from ml.clv.bgnbd import NotIdentifiedError
from ml.clv.histories import (
    Basis,
    PurchaseHistories,
    count_customers,
    first_day,
    load_actual,
    load_histories,
)
from ml.clv.models import (
    BG_NBD,
    BLEND,
    KINDS,
    NAIVE,
    TWO_PART,
    Blend,
    NaiveRate,
    ValueModel,
    fit_bgnbd,
    fit_two_part,
)
from ml.data import FloatArray

_SHORTER_HORIZONS = (182, 91, 28)
_ORIGINS = 3
_ORIGIN_STEP_DAYS = 91
_EXAMPLE_DAYS = 6
_EXAMPLE_STEP_DAYS = 14
_MIN_HISTORY_DAYS = 91
_MIN_CUSTOMERS = 30
_ENOUGH_CUSTOMERS = 100_000
_ENOUGH_EXAMPLES = 200_000


@dataclass(frozen=True)
class Origin:
    """One hold-out: predictions per kind of model made on `day`, and the value of the horizon after it."""

    day: date
    actual: FloatArray
    predicted: dict[str, FloatArray]
    problems: dict[str, str]

    def error(self, kind: str) -> float:
        """Mean absolute error."""
        return float(np.mean(np.abs(self.actual - self.predicted[kind])))


@dataclass(frozen=True)
class Backtest:
    """The hold-outs, latest first, over one horizon."""

    horizon_days: int
    origins: tuple[Origin, ...]
    one_in: int = 1

    @property
    def latest(self) -> Origin:
        return self.origins[0]

    @property
    def scores(self) -> dict[str, float]:
        """Mean absolute error over that of the naive rule, mean of the origins; per kind the latest has."""
        return {
            kind: float(
                np.mean([_over(o.error(kind), o.error(NAIVE)) for o in self.origins if kind in o.predicted])
            )
            for kind in KINDS
            if kind in self.latest.predicted
        }

    @property
    def winner(self) -> str:
        """The smallest score; the simpler model on a tie."""
        scores = {kind: round(score, 6) for kind, score in self.scores.items()}
        return min(scores, key=lambda kind: scores[kind])

    @property
    def contender(self) -> str | None:
        """The best model other than the naive rule; None where the data let none be fitted."""
        scores = {kind: round(score, 6) for kind, score in self.scores.items() if kind != NAIVE}
        return min(scores, key=lambda kind: scores[kind]) if scores else None

    def holdouts(self, kind: str) -> list[tuple[FloatArray, FloatArray]]:
        """(predicted, actual) of each origin that has the model, latest first."""
        return [(o.predicted[kind], o.actual) for o in self.origins if kind in o.predicted]


def run_backtest(
    connection: duckdb.DuckDBPyConnection, as_of: date, horizon_days: int, basis: Basis
) -> Backtest | None:
    """Fits every model on what was before up to three origins and compares with the horizon after each.

    A history too short for the whole horizon is tested on a shorter one; None when not even four weeks fit.
    Of more than 100,000 customers one in so many is taken.
    """
    begin = first_day(connection, as_of)
    if begin is None:
        return None
    one_in = max(1, count_customers(connection, as_of) // _ENOUGH_CUSTOMERS)
    for horizon in (horizon_days, *(h for h in _SHORTER_HORIZONS if h < horizon_days)):
        step = timedelta(days=min(horizon, _ORIGIN_STEP_DAYS))
        days = [as_of - timedelta(days=horizon) - k * step for k in range(_ORIGINS)]
        origins = []
        for day in days:
            if (day - begin).days < _MIN_HISTORY_DAYS:
                break
            histories = load_histories(connection, day, basis, one_in)
            if histories.size < _MIN_CUSTOMERS:
                break
            origins.append(_predict(connection, histories, horizon, basis, begin, one_in))
        if origins:
            return Backtest(horizon, tuple(origins), one_in)
    return None


def fit(
    kind: str,
    connection: duckdb.DuckDBPyConnection,
    histories: PurchaseHistories,
    horizon_days: int,
    basis: Basis,
) -> ValueModel:
    """The model, fitted on all that is known when the histories end. Raises NotIdentifiedError."""
    if kind == NAIVE:
        return NaiveRate()
    if kind == BG_NBD:
        return fit_bgnbd(histories)
    begin = first_day(connection, histories.until)
    one_in = max(1, histories.size * _EXAMPLE_DAYS // _ENOUGH_EXAMPLES)
    examples = load_examples(connection, histories.until, horizon_days, basis, begin, one_in)
    trees = fit_two_part(examples, horizon_days)
    return trees if kind == TWO_PART else Blend(trees)


def load_examples(
    connection: duckdb.DuckDBPyConnection,
    until: date,
    horizon_days: int,
    basis: Basis,
    begin: date | None,
    one_in: int,
) -> two_part.Examples:
    """Histories of up to six days, a fortnight apart, whose horizons all end by `until`.

    Raises NotIdentifiedError when the data begin less than 13 weeks before the latest such day.
    """
    last = until - timedelta(days=horizon_days)
    days = [last - timedelta(days=_EXAMPLE_STEP_DAYS * k) for k in range(_EXAMPLE_DAYS)]
    days = [d for d in days if begin is not None and (d - begin).days >= _MIN_HISTORY_DAYS]
    if not days:
        raise NotIdentifiedError(
            f"The history before {until} is too short to train the two-part model "
            f"({horizon_days} days and 13 weeks before them)."
        )
    parts = []
    for day in days:
        histories = load_histories(connection, day, basis, one_in)
        occasions, value = load_actual(connection, day, day + timedelta(days=horizon_days), basis, one_in)
        parts.append(two_part.Examples(two_part.design(histories), occasions, value))
    return two_part.Examples.stack(parts)


def _predict(
    connection: duckdb.DuckDBPyConnection,
    histories: PurchaseHistories,
    horizon: int,
    basis: Basis,
    begin: date,
    one_in: int,
) -> Origin:
    day = histories.until
    _, actual = load_actual(connection, day, day + timedelta(days=horizon), basis, one_in)
    predicted = {NAIVE: NaiveRate().predict(histories, horizon).value}
    problems = {}
    try:
        predicted[BG_NBD] = fit_bgnbd(histories).predict(histories, horizon).value
    except NotIdentifiedError as error:
        problems[BG_NBD] = str(error)
    try:
        examples = load_examples(connection, day, horizon, basis, begin, one_in)
        predicted[TWO_PART] = fit_two_part(examples, horizon).predict(histories, horizon).value
        predicted[BLEND] = (predicted[TWO_PART] + predicted[NAIVE]) / 2.0
    except NotIdentifiedError as error:
        problems[TWO_PART] = str(error)
    return Origin(day, actual, predicted, problems)


def paired_gain(origin: Origin, kind: str) -> tuple[float, float, float] | None:
    """How far the model's absolute error is below the naive rule's: mean and 95 % interval of the pairs."""
    return evaluation.paired_difference(
        np.abs(origin.actual - origin.predicted[NAIVE]), np.abs(origin.actual - origin.predicted[kind])
    )


def _over(error: float, naive: float) -> float:
    return 1.0 if error == naive else error / naive if naive > 0 else float("inf")
