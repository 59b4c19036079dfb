"""Customer value of every customer as of a day: `ml.customer_clv`."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from scipy import stats

from ml import registry
from ml.clv.backtest import Backtest, Intervals, interval_coverage, report_rows, run_backtest
from ml.clv.bgnbd import NotIdentifiedError
from ml.clv.histories import Basis, PurchaseHistories, choose_basis, first_day, load_histories
from ml.clv.models import BG_NBD, NAIVE, BgNbdGammaGamma, Prediction, fit_bgnbd, predict_naive
from ml.data import FloatArray, single_threaded
from ml.report import ModelResult, ReportRow, fallback_rows, metrics_of, report_table
from ml.tables import replace_scores
from stammkunde.config import Config

MODEL = "clv"


def run(
    connection: duckdb.DuckDBPyConnection, config: Config, as_of: date, models_directory: Path
) -> ModelResult:
    """Backtests BG/NBD × gamma-gamma against the naive rule and publishes the winner's predictions.

    Without a hold-out, or where the data do not identify the model, the naive rule is published and the
    report says why. Customers who only ever returned goods have no row.
    """
    with single_threaded():
        horizon = config.scores.clv_horizon_days
        basis = choose_basis(connection, as_of)
        histories = load_histories(connection, as_of, basis)
        backtest = run_backtest(connection, as_of, horizon, basis)
        warnings = _limits(connection, histories, basis, as_of)
        model = _choose(histories, backtest, warnings)
        prediction = model.predict(histories, horizon) if model else predict_naive(histories, horizon)
        rows = _report(backtest, model is not None, basis, as_of)
    artefact = registry.Artefact(
        model=MODEL,
        kind=BG_NBD if model else NAIVE,
        as_of=as_of,
        parameters={"horizon_days": horizon, "basis": basis.name, "margin_rate": basis.margin_rate}
        | (model.parameters if model else {}),
        data_window=f"purchases before {as_of}",
        metrics=metrics_of(rows),
    )
    registry.save(artefact, models_directory)
    rows += fallback_rows(warnings)
    scores = _score_table(histories, prediction, _intervals(backtest, model is not None), horizon, artefact)
    written = replace_scores(
        connection, as_of, MODEL, "customer_clv", scores, report_table(MODEL, artefact.version, as_of, rows)
    )
    return ModelResult(
        MODEL, artefact.version, as_of, written, model is None, tuple(warnings), metrics_of(rows)
    )


def _choose(
    histories: PurchaseHistories, backtest: Backtest | None, warnings: list[str]
) -> BgNbdGammaGamma | None:
    """The fitted model if it won its backtest, else None for the naive rule."""
    if histories.size == 0:
        return None
    if backtest is None:
        warnings.append(
            "The history is too short for a hold-out (30 customers and 13 weeks before it), so nothing "
            "can be proved: the naive rule is published, without intervals."
        )
        return None
    if backtest.problem:
        warnings.append(f"{backtest.problem} The naive rule is published.")
        return None
    if not backtest.model_wins:
        warnings.append(
            "BG/NBD × gamma-gamma has a larger mean absolute error in the hold-out than the naive rule, so "
            "the naive rule is published."
        )
        return None
    try:
        return fit_bgnbd(histories)
    except NotIdentifiedError as error:
        warnings.append(f"{error} The naive rule is published.")
        return None


def _limits(
    connection: duckdb.DuckDBPyConnection, histories: PurchaseHistories, basis: Basis, as_of: date
) -> list[str]:
    """Sentences on what limits the figures."""
    begin = first_day(connection, as_of)
    if histories.size == 0 or begin is None:
        if histories.only_returns:
            return [
                f"All {histories.only_returns} customers only returned goods; nothing is expected of them."
            ]
        return [f"No customer bought anything before {as_of}, so there is no value to predict."]
    found = []
    if basis.name == "net_amount":
        found.append("The margin of most purchases is unknown: values are net amounts, not margins.")
    days = (as_of - begin).days
    early = float(np.greater(histories.T, days - 28).mean())
    if days > 182 and early > 0.2:
        found.append(
            f"{early:.0%} of the customers have their first purchase in the first four weeks of the data: "
            "the history seems cut off, so first purchases and tenures are unreliable."
        )
    total = float(histories.value.sum())
    top = float(histories.value.max())
    if histories.size > 1 and total > 0 and top > 0.5 * total:
        found.append(
            f"One customer accounts for {top / total:.0%} of all value; sums depend on that customer."
        )
    again = histories.x > 0
    if again.sum() >= 30 and np.ptp(histories.x[again]) > 0 and np.ptp(histories.mean_value[again]) > 0:
        rho = float(stats.spearmanr(histories.x[again], histories.mean_value[again]).statistic)
        if abs(rho) > 0.3:
            found.append(
                f"How often and how much customers buy are correlated (Spearman {rho:.2f}); gamma-gamma "
                "takes them as independent."
            )
    return found


def _report(backtest: Backtest | None, uses_model: bool, basis: Basis, as_of: date) -> list[ReportRow]:
    if backtest is None:
        return []
    unit = "margin after returns" if basis.name == "margin_amount" else "net amount after returns"
    rows = report_rows(backtest, as_of, unit)
    winner = backtest.model if uses_model and backtest.model is not None else backtest.naive
    covered = interval_coverage(winner.value, backtest.actual, backtest.horizon_days)
    return [
        *rows,
        ReportRow(
            "interval_coverage_pct", None if covered is None else 100 * covered, "promised", 80.0,
            rows[0].split, rows[0].population, None if covered is None else covered >= 0.75,
            f"published: {BG_NBD if uses_model else NAIVE}",
        ),
    ]  # fmt: skip


def _intervals(backtest: Backtest | None, uses_model: bool) -> Intervals | None:
    if backtest is None:
        return None
    winner = backtest.model if uses_model and backtest.model is not None else backtest.naive
    return Intervals.learn(winner.value, backtest.actual, backtest.horizon_days)


def _score_table(
    histories: PurchaseHistories,
    prediction: Prediction,
    intervals: Intervals | None,
    horizon: int,
    artefact: registry.Artefact,
) -> pa.Table:
    size = histories.size
    unknown = np.full(size, np.nan)
    low, high = intervals.of(prediction.value, horizon) if intervals and size else (unknown, unknown)

    def column(values: FloatArray, digits: int) -> pa.Array:
        # Adding 0.0 turns a rounded −0.0 into 0.0.
        rounded = np.round(values, digits) + 0.0
        return pa.array(rounded, mask=~np.isfinite(rounded))

    return pa.table(
        {
            "customer_id": histories.customer_id,
            "as_of_date": pa.array([artefact.as_of] * size, pa.date32()),
            "horizon_days": pa.array(np.full(size, horizon, dtype=np.int32)),
            "expected_purchases": column(prediction.purchases, 6),
            "alive_probability": column(prediction.alive, 6),
            "clv_amount": column(prediction.value, 2),
            "clv_low_amount": column(low, 2),
            "clv_high_amount": column(high, 2),
            "model_version": pa.array([artefact.version] * size, pa.string()),
        }
    )
