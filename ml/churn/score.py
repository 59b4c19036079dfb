"""Churn probability of every customer of the population as of a day: `ml.customer_churn`."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from ml import registry
from ml.churn.backtest import not_ready, run_backtest
from ml.churn.labels import ChurnRules, Rows, load_rows, origins, thinning
from ml.churn.models import (
    DESIGN,
    GAP_FORMULA,
    RECENCY_RULE,
    ChurnModel,
    GapFormula,
    RecencyRule,
    design_matrix,
    model_of,
)
from ml.churn.reasons import reasons, top_groups
from ml.churn.report import backtest_rows, base_rate
from ml.data import FloatArray, numbers, single_threaded, snapshot_dates, value_basis
from ml.report import ModelResult, ReportRow, fallback_rows, metrics_of, report_table
from ml.segments.settings import RiskBands, load_settings
from ml.tables import replace_scores
from stammkunde.config import Config

MODEL = "churn"


def run(
    connection: duckdb.DuckDBPyConnection, config: Config, as_of: date, models_directory: Path
) -> ModelResult:
    """Backtests the ladder on up to three past snapshots and publishes the winner, trained on all labels.

    A learnt model wins only if the 95 % interval of its gain in AUC on the recency rule lies above zero. With
    fewer than 100 customers who left or stayed in training, or without two horizons of history, the recency
    rule is published; without any label the gap formula.
    """
    scores = config.scores
    rules = ChurnRules(scores.churn_horizon_days, scores.churn_rhythm_gaps, scores.churn_active_days)
    warnings: list[str] = []
    with single_threaded():
        snapshots = snapshot_dates(connection, as_of)
        now = load_rows(connection, [as_of], as_of, rules)
        past = [day for day in snapshots if (as_of - day).days >= rules.horizon_days]
        rows = load_rows(connection, past, as_of, rules, thinning(connection, past, rules.active_days))
        trained, report = _train(rows, origins(snapshots, as_of, rules.horizon_days), as_of, rules, warnings)
        design = design_matrix(now.features)
        probability = np.clip(trained.predict(design), 0.0, 1.0) if now.size else np.empty(0)
        groups = top_groups(trained, design, probability) if now.size else np.empty((0, 2), dtype=np.int64)
    if not now.size:
        warnings = [
            f"No customer bought anything in the {rules.active_days} days before {as_of}, so there is nobody "
            "to score."
        ]
    artefact = registry.Artefact(
        model=MODEL,
        kind=trained.kind,
        as_of=as_of,
        parameters={"rules": vars(rules), **trained.parameters()},
        data_window=f"snapshots {', '.join(map(str, past))}" if past else "none",
        features=DESIGN,
        metrics=metrics_of(report),
    )
    registry.save(artefact, models_directory)
    report = report + fallback_rows(warnings)
    table = _score_table(connection, now, probability, groups, load_settings().risk_bands, artefact)
    written = replace_scores(
        connection,
        as_of,
        MODEL,
        "customer_churn",
        table,
        report_table(MODEL, artefact.version, as_of, report),
    )
    fallback = trained.kind in (RECENCY_RULE, GAP_FORMULA)
    return ModelResult(MODEL, artefact.version, as_of, written, fallback, tuple(warnings), metrics_of(report))


def _train(
    rows: Rows, days: list[date], as_of: date, rules: ChurnRules, warnings: list[str]
) -> tuple[ChurnModel, list[ReportRow]]:
    """The model to publish, trained on all that is known, and what the test days say of it."""
    known = rows.known_by(as_of)
    if not known.any():
        warnings.append(
            f"No snapshot lies {rules.horizon_days} days back, so nobody's staying away is known yet: the "
            "probability is e^(-window / usual gap), a formula and not learnt."
        )
        return GapFormula(), []
    design, churned = design_matrix(rows.features)[known], rows.churned[known]
    problem = not_ready(rows, days, as_of, rules.horizon_days)
    if problem:
        warnings.append(f"{problem} The recency rule is published.")
        rule = RecencyRule()
        rule.fit(design, churned)
        return rule, base_rate(rows, as_of, rules)
    backtest = run_backtest(rows, days, as_of)
    if backtest.winner == RECENCY_RULE:
        mean, low, high = backtest.gain(backtest.contender)
        warnings.append(
            f"No model is shown to rank customers better out of time than the days since their last purchase "
            f"(best: {backtest.contender}, AUC {mean:+.3f}, 95 % interval {low:+.3f} to {high:+.3f}): the "
            "recency rule is published."
        )
    model = model_of(backtest.winner)
    model.fit(design, churned)
    return model, backtest_rows(backtest, rows, rules) + base_rate(rows, as_of, rules)


def _score_table(
    connection: duckdb.DuckDBPyConnection,
    now: Rows,
    probability: FloatArray,
    groups: np.ndarray,
    bands: RiskBands,
    artefact: registry.Artefact,
) -> pa.Table:
    probability = np.round(probability, 6)
    band = np.where(
        probability >= bands.high, "high", np.where(probability >= bands.medium, "medium", "low")
    ).astype(object)
    at_risk = _margin_at_risk(now, probability)
    return pa.table(
        {
            "customer_id": now.features["customer_id"],
            "as_of_date": pa.array([artefact.as_of] * now.size, pa.date32()),
            "horizon_days": pa.array(now.window_days.astype(np.int32)),
            "churn_probability": pa.array(probability),
            "risk_band": pa.array(band, pa.string()),
            "reasons": reasons(connection, now.features, groups),
            "margin_at_risk_amount": pa.array(at_risk),
            "alarm_rank": _alarm_ranks(at_risk, band),
            "model_version": pa.array([artefact.version] * now.size, pa.string()),
        }
    )


def _margin_at_risk(now: Rows, probability: FloatArray) -> FloatArray:
    """Probability to leave times the margin (net amount where most are unknown) of the last 365 days."""
    if not now.size:
        return np.empty(0)
    yearly, _ = value_basis(
        numbers(now.features, "margin_amount_365"), numbers(now.features, "net_amount_365")
    )
    return np.asarray(np.round(probability * np.maximum(yearly, 0.0), 2) + 0.0)


def _alarm_ranks(at_risk: FloatArray, band: np.ndarray) -> pa.Array:
    """1 for the most margin at risk among medium and high risk, then by customer_id; null for low risk."""
    alarmed = (band != "low") & (at_risk > 0)
    # The rows are sorted by customer_id and the sort is stable.
    order = np.argsort(np.where(alarmed, -at_risk, np.inf), kind="stable")
    ranks = np.empty(len(at_risk), dtype=np.int32)
    ranks[order] = np.arange(1, len(at_risk) + 1)
    return pa.array(ranks, mask=~alarmed)
