"""Churn probability of every customer of the population as of a day: `ml.customer_churn`."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from ml import evaluation, registry
from ml.churn.labels import Sample, Split, load_population, load_sample, split_by_time, thinning
from ml.churn.models import DESIGN, RECENCY_RULE, ChurnModel, GapFormula, RecencyRule, design_matrix, ladder
from ml.churn.reasons import reasons, top_groups
from ml.data import FloatArray, single_threaded, snapshot_dates
from ml.report import ModelResult, ReportRow, compare, fallback_rows, metrics_of, report_table
from ml.segments.settings import RiskBands, load_settings
from ml.tables import replace_scores
from stammkunde.config import Config

MODEL = "churn"
MIN_OF_EACH_CLASS = 100
_MIN_TO_TEST = 10


def run(
    connection: duckdb.DuckDBPyConnection, config: Config, as_of: date, models_directory: Path
) -> ModelResult:
    """Trains the ladder on past snapshots, tests it on the latest complete one and publishes the winner.

    The winner has the largest AUC out of time; it is then trained on all complete snapshots. With fewer than
    100 customers who left or stayed in training, or without two horizons of history, the recency rule is
    published; without any label the gap formula.
    """
    horizon = config.scores.churn_horizon_days
    bands = load_settings().risk_bands
    warnings: list[str] = []
    with single_threaded():
        split = split_by_time(snapshot_dates(connection, as_of), as_of, horizon)
        now = load_population(connection, [as_of])
        one_in = thinning(connection, split.complete)
        everything = load_sample(connection, split.complete, as_of, horizon, one_in)
        trained, rows = _train(connection, split, everything, as_of, horizon, one_in, warnings)
        design = design_matrix(now)
        probability = np.clip(trained.predict(design), 0.0, 1.0) if now.num_rows else np.empty(0)
        groups = (
            top_groups(trained, design, probability) if now.num_rows else np.empty((0, 2), dtype=np.int64)
        )
    if not now.num_rows:
        warnings = [f"No customer bought anything in the year before {as_of}, so there is nobody to score."]
    artefact = registry.Artefact(
        model=MODEL,
        kind=trained.kind,
        as_of=as_of,
        parameters={"horizon_days": horizon, **trained.parameters()},
        data_window=f"snapshots {', '.join(map(str, split.complete))}" if split.complete else "none",
        features=DESIGN,
        metrics=metrics_of(rows),
    )
    registry.save(artefact, models_directory)
    rows = rows + fallback_rows(warnings)
    scores = _score_table(connection, now, probability, groups, bands, horizon, artefact)
    written = replace_scores(
        connection, as_of, MODEL, "customer_churn", scores, report_table(MODEL, artefact.version, as_of, rows)
    )
    fallback = trained.kind in (RECENCY_RULE, GapFormula(horizon).kind)
    return ModelResult(MODEL, artefact.version, as_of, written, fallback, tuple(warnings), metrics_of(rows))


def _train(
    connection: duckdb.DuckDBPyConnection,
    split: Split,
    everything: Sample,
    as_of: date,
    horizon: int,
    one_in: int,
    warnings: list[str],
) -> tuple[ChurnModel, list[ReportRow]]:
    """The model to publish, trained on all that is known, and what the hold-out says of it."""
    if not everything.size:
        warnings.append(
            f"No snapshot lies {horizon} days back, so nobody's staying away is known yet: the probability "
            "is e^(-horizon / usual gap), a formula and not learnt."
        )
        return GapFormula(horizon), []
    rule: ChurnModel = RecencyRule()
    train = load_sample(connection, split.train, as_of, horizon, one_in)
    test = load_sample(connection, [split.test] if split.test else [], as_of, horizon, one_in)
    problem = _not_ready(train, test, split, horizon)
    if problem:
        warnings.append(f"{problem} The recency rule is published.")
        rule.fit(design_matrix(everything.features), everything.churned)
        return rule, _base_rate(everything, split)
    predictions = {}
    models = ladder()
    for model in models:
        model.fit(design_matrix(train.features), train.churned)
        predictions[model.kind] = np.clip(model.predict(design_matrix(test.features)), 0.0, 1.0)
    winner = _winner(test, predictions)
    if winner == RECENCY_RULE:
        warnings.append(
            "Neither the logistic regression nor boosting ranks customers better out of time than the days "
            "since their last purchase: the recency rule is published."
        )
    rows = _report(test, predictions, winner, split, horizon) + _base_rate(everything, split)
    chosen = next(model for model in ladder() if model.kind == winner)
    chosen.fit(design_matrix(everything.features), everything.churned)
    return chosen, rows


def _not_ready(train: Sample, test: Sample, split: Split, horizon: int) -> str | None:
    if not split.train:
        return (
            f"The history covers fewer than two horizons of {horizon} days, so there is no test out of time."
        )
    left, stayed = int(train.churned.sum()), int((~train.churned).sum())
    if train.size == 0 or min(left, stayed) < MIN_OF_EACH_CLASS:
        return (
            f"{left} customers who left and {stayed} who stayed are too few to train on "
            f"(at least {MIN_OF_EACH_CLASS} of each)."
        )
    left, stayed = int(test.churned.sum()), int((~test.churned).sum())
    if min(left, stayed) < _MIN_TO_TEST:
        return (
            f"{left} customers who left and {stayed} who stayed after {split.test} are too few to test on "
            f"(at least {_MIN_TO_TEST} of each)."
        )
    return None


def _winner(test: Sample, predictions: dict[str, FloatArray]) -> str:
    """The largest AUC out of time; the simpler model on a tie."""
    areas = {kind: round(evaluation.auc(test.churned, p) or 0.0, 6) for kind, p in predictions.items()}
    return max(areas, key=lambda kind: areas[kind])


def _report(
    test: Sample, predictions: dict[str, FloatArray], winner: str, split: Split, horizon: int
) -> list[ReportRow]:
    churned, model, rule = test.churned, predictions[winner], predictions[RECENCY_RULE]
    trained = f"trained on snapshots {split.train[0]} to {split.train[-1]}"
    said = f"{trained}, tested on {split.test} + {horizon} days"
    population = f"{test.size} {test.population}; {int(churned.sum())} left"
    rows = [
        compare(
            name, measure(churned, model), measure(churned, rule),
            baseline_name="recency rule", split=said, population=population, lower_is_better=lower,
            note=f"published: {winner}" if name == "auc" else None,
        )
        for name, measure, lower in (
            ("auc", evaluation.auc, False),
            ("average_precision", evaluation.average_precision, False),
            ("brier", evaluation.brier, True),
            ("ece", evaluation.expected_calibration_error, True),
            ("lift_top_10_pct", evaluation.lift, False),
        )
    ]  # fmt: skip
    rows += [
        compare(
            f"auc_{kind.replace('-', '_')}", evaluation.auc(churned, p), evaluation.auc(churned, rule),
            baseline_name="recency rule", split=said, population=population,
        )
        for kind, p in predictions.items()
        if kind != RECENCY_RULE
    ]  # fmt: skip
    return rows


def _base_rate(everything: Sample, split: Split) -> list[ReportRow]:
    return [
        ReportRow(
            "base_rate", float(everything.churned.mean()),
            split=f"snapshots {split.complete[0]} to {split.complete[-1]}",
            population=f"{everything.size} rows: {everything.population}",
        )
    ]  # fmt: skip


def _score_table(
    connection: duckdb.DuckDBPyConnection,
    now: pa.Table,
    probability: FloatArray,
    groups: np.ndarray,
    bands: RiskBands,
    horizon: int,
    artefact: registry.Artefact,
) -> pa.Table:
    size = now.num_rows
    probability = np.round(probability, 6)
    band = np.where(
        probability >= bands.high, "high", np.where(probability >= bands.medium, "medium", "low")
    ).astype(object)
    return pa.table(
        {
            "customer_id": now["customer_id"],
            "as_of_date": pa.array([artefact.as_of] * size, pa.date32()),
            "horizon_days": pa.array(np.full(size, horizon, dtype=np.int32)),
            "churn_probability": pa.array(probability),
            "risk_band": pa.array(band, pa.string()),
            "reasons": reasons(connection, now, groups),
            "model_version": pa.array([artefact.version] * size, pa.string()),
        }
    )
