"""Customer value of every customer as of a day: `ml.customer_clv`."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from ml import evaluation, registry
from ml.clv.backtest import Backtest, fit, paired_gain, run_backtest
from ml.clv.bgnbd import NotIdentifiedError
from ml.clv.histories import Basis, PurchaseHistories, choose_basis, first_day, load_histories
from ml.clv.intervals import Intervals, coverage
from ml.clv.limits import limits
from ml.clv.models import NAIVE, NaiveRate, Prediction, ValueModel, discount_factor
from ml.data import FloatArray, single_threaded
from ml.report import ModelResult, ReportRow, compare, fallback_rows, metrics_of, report_table
from ml.tables import replace_scores
from stammkunde.config import Config

MODEL = "clv"
_RULE = "mean of 13-week and lifetime rate"


def run(
    connection: duckdb.DuckDBPyConnection, config: Config, as_of: date, models_directory: Path
) -> ModelResult:
    """Publishes the model that wins the rolling-origin backtest over the company's horizon.

    Candidates are the naive rule, BG/NBD × gamma-gamma, a two-part model of boosted trees and its mean with
    the rule. Without a hold-out the naive rule is published and the report says why. Published values are
    discounted to `as_of`. Customers who only ever returned goods have no row.
    """
    with single_threaded():
        horizon = config.scores.clv_horizon_days
        basis = choose_basis(connection, as_of)
        histories = load_histories(connection, as_of, basis)
        backtest = run_backtest(connection, as_of, horizon, basis)
        warnings = limits(histories, basis, first_day(connection, as_of), as_of)
        kind, model = _choose(connection, histories, backtest, horizon, basis, warnings)
        prediction = model.predict(histories, horizon)
        discount = discount_factor(prediction, horizon, config.scores.clv_discount_rate_pct)
        rows = _report(backtest, kind, basis)
        intervals = Intervals.learn(backtest.holdouts(kind), backtest.horizon_days) if backtest else None
    artefact = registry.Artefact(
        model=MODEL,
        kind=kind,
        as_of=as_of,
        parameters={
            "horizon_days": horizon,
            "discount_rate_pct": config.scores.clv_discount_rate_pct,
            "basis": basis.name,
            "margin_rate": basis.margin_rate,
            "intervals": intervals.as_json() if intervals else None,
            **model.parameters,
        },
        data_window=f"purchases before {as_of}",
        metrics=metrics_of(rows),
    )
    registry.save(artefact, models_directory)
    rows += fallback_rows(warnings)
    scores = _score_table(histories, prediction, discount, intervals, horizon, artefact)
    written = replace_scores(
        connection, as_of, MODEL, "customer_clv", scores, report_table(MODEL, artefact.version, as_of, rows)
    )
    return ModelResult(
        MODEL, artefact.version, as_of, written, kind == NAIVE, tuple(warnings), metrics_of(rows)
    )


def _choose(
    connection: duckdb.DuckDBPyConnection,
    histories: PurchaseHistories,
    backtest: Backtest | None,
    horizon: int,
    basis: Basis,
    warnings: list[str],
) -> tuple[str, ValueModel]:
    """The winner of the backtest fitted on everything, or the naive rule with a sentence that says why."""
    if histories.size == 0:
        return NAIVE, NaiveRate()
    if backtest is None:
        warnings.append(
            "The history is too short for a hold-out (30 customers and 13 weeks before it), so nothing "
            "can be proved: the naive rule is published, without intervals."
        )
        return NAIVE, NaiveRate()
    warnings += [f"{problem} That model takes no part." for problem in backtest.latest.problems.values()]
    if backtest.winner == NAIVE:
        warnings.append(
            "No model has a smaller mean absolute error in the hold-outs than the naive rule: the naive rule "
            "is published."
        )
        return NAIVE, NaiveRate()
    try:
        return backtest.winner, fit(backtest.winner, connection, histories, horizon, basis)
    except NotIdentifiedError as error:
        warnings.append(f"{error} The naive rule is published.")
        return NAIVE, NaiveRate()


def _report(backtest: Backtest | None, published: str, basis: Basis) -> list[ReportRow]:
    """The published model's measures, or those of the best one that lost, beside the naive rule's."""
    if backtest is None:
        return []
    latest, horizon = backtest.latest, backtest.horizon_days
    shown = published if published != NAIVE else backtest.contender
    unit = "margin after returns" if basis.name == "margin_amount" else "net amount after returns"
    split = f"calibrated before {latest.day}, tested on the {horizon} days after it"
    some = f" (one in {backtest.one_in} of them)" if backtest.one_in > 1 else ""
    population = f"{len(latest.actual)} customers with a purchase before {latest.day}{some}; {unit}"
    actual, naive = latest.actual, latest.predicted[NAIVE]
    model = latest.predicted[shown] if shown else None
    rows = [
        compare(
            name, measure(actual, model) if model is not None else None, measure(actual, naive),
            baseline_name=_RULE, split=split, population=population, lower_is_better=lower,
            note=_gain(backtest, shown, published) if name == "mae" else None,
        )
        for name, measure, lower in (
            ("mae", evaluation.mean_absolute_error, True),
            ("spearman", evaluation.spearman, False),
            ("normalised_gini", evaluation.normalised_gini, False),
        )
    ]  # fmt: skip
    own = evaluation.aggregate_error_pct(actual, model) if model is not None else None
    theirs = evaluation.aggregate_error_pct(actual, naive)
    passed = abs(own) <= abs(theirs) if own is not None and theirs is not None else None
    rows.append(ReportRow("aggregate_error_pct", own, _RULE, theirs, split, population, passed))
    days = ", ".join(str(o.day) for o in backtest.origins)
    origins = f"mean over the hold-outs from {days}"
    rows += [
        ReportRow(
            f"mae_over_naive_{kind.replace('-', '_')}", score, _RULE, 1.0, origins,
            population, score < 1.0,
        )
        for kind, score in backtest.scores.items()
        if kind != NAIVE
    ]  # fmt: skip
    covered = coverage(backtest.holdouts(published), horizon)
    rows.append(
        ReportRow(
            "interval_coverage_pct", None if covered is None else 100 * covered, "promised", 80.0,
            split, population, None if covered is None else covered >= 0.75, f"published: {published}",
        )
    )  # fmt: skip
    return rows


def _gain(backtest: Backtest, shown: str | None, published: str) -> str | None:
    gain = paired_gain(backtest.latest, shown) if shown else None
    if gain is None:
        return f"published: {published}"
    mean, low, high = gain
    return (
        f"published: {published}; {shown} is off by {mean:.2f} less per customer than the rule "
        f"(95 % interval {low:.2f} to {high:.2f})"
    )


def _score_table(
    histories: PurchaseHistories,
    prediction: Prediction,
    discount: FloatArray,
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
            "clv_amount": column(prediction.value * discount, 2),
            "clv_low_amount": column(low * discount, 2),
            "clv_high_amount": column(high * discount, 2),
            "model_version": pa.array([artefact.version] * size, pa.string()),
        }
    )
