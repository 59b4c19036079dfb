"""Score, grade and reasons of every lead as of a day: `ml.lead_score`."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from ml import evaluation, registry
from ml.data import FloatArray, single_threaded
from ml.leads.dataset import HORIZON_DAYS, Leads, LeadSplit, load_leads, split_by_time
from ml.leads.models import (
    LOGISTIC,
    POINTS,
    RULE_POINTS,
    SOURCE_RATE,
    LeadLogistic,
    SourceRate,
    point_terms,
    points,
)
from ml.leads.reasons import describe
from ml.report import ModelResult, ReportRow, compare, fallback_rows, metrics_of, report_table
from ml.tables import replace_scores
from stammkunde.config import Config

MODEL = "leads"
MIN_CONVERSIONS = 100
_MIN_TO_TEST = 10
_MIN_FOR_RATES = 30
_GRADES = (("A", 80), ("B", 50), ("C", 20))


def run(
    connection: duckdb.DuckDBPyConnection,
    config: Config,  # noqa: ARG001 - every model has the same signature
    as_of: date,
    models_directory: Path,
) -> ModelResult:
    """Scores all leads captured before `as_of`.

    With at least 100 conversions to learn from, a logistic regression is tested on the youngest mature leads
    against the conversion rate of the source and published if it ranks them at least as well; otherwise the
    rate. Below 100 conversions a rule of points gives the score and the source rate, where known, the
    probability.
    """
    warnings: list[str] = []
    with single_threaded():
        leads = load_leads(connection, as_of)
        mature = leads.is_mature
        rates = SourceRate()
        rates.fit(leads, mature)
        kind, rows = _choose(leads, split_by_time(leads, as_of), as_of, warnings)
        parameters, score, probability, described = _score(kind, leads, rates)
    artefact = registry.Artefact(
        model=MODEL,
        kind=kind,
        as_of=as_of,
        parameters={"horizon_days": HORIZON_DAYS, **parameters},
        data_window=f"{int(mature.sum())} leads captured {HORIZON_DAYS} days or more before {as_of}",
        metrics=metrics_of(rows),
    )
    registry.save(artefact, models_directory)
    rows = rows + fallback_rows(warnings)
    grade = np.full(leads.size, "D", dtype=object)
    for name, least in reversed(_GRADES):
        grade[score >= least] = name
    probability = np.round(probability, 6)
    scores = pa.table(
        {
            "lead_id": leads.lead_id,
            "customer_id": leads.customer_id,
            "as_of_date": pa.array([as_of] * leads.size, pa.date32()),
            "score": pa.array(score.astype(np.int32)),
            "conversion_probability": pa.array(probability, mask=~np.isfinite(probability)),
            "grade": pa.array(grade, pa.string()),
            "reasons": described,
            "model_version": pa.array([artefact.version] * leads.size, pa.string()),
        }
    )
    written = replace_scores(
        connection, as_of, MODEL, "lead_score", scores, report_table(MODEL, artefact.version, as_of, rows)
    )
    return ModelResult(
        MODEL, artefact.version, as_of, written, kind != LOGISTIC, tuple(warnings), metrics_of(rows)
    )


def _choose(
    leads: Leads, split: LeadSplit | None, as_of: date, warnings: list[str]
) -> tuple[str, list[ReportRow]]:
    """The kind of model to publish and its measures on the hold-out."""
    if not leads.size:
        warnings.append(f"No lead was captured before {as_of}, so there is nothing to score.")
        return POINTS, []
    conversions = int(leads.converted[split.train].sum()) if split else 0
    others = int(split.train.sum()) - conversions if split else 0
    if split is None or min(conversions, others) < MIN_CONVERSIONS:
        warnings.append(
            f"{conversions} of {conversions + others} leads old enough to learn from became customers; "
            f"needed are {MIN_CONVERSIONS} conversions and as many others: a rule of points gives the score."
        )
        return POINTS, []
    tested = leads.converted[split.test]
    if min(int(tested.sum()), int((~tested).sum())) < _MIN_TO_TEST:
        warnings.append(
            f"{int(tested.sum())} of {len(tested)} leads to test on converted, too few to prove anything: "
            "a rule of points gives the score."
        )
        return POINTS, []
    model, rates = LeadLogistic(), SourceRate()
    model.fit(leads, split.train)
    rates.fit(leads, split.train)
    own, rate = model.predict(leads), rates.predict(leads)
    fresh = split.test & ~leads.flag("was_customer")
    rows = _report(leads, own, rate, split, split.test, "", "leads")
    rows += _report(leads, own, rate, split, fresh, "_new_contacts", "leads that were no customers")
    unseen = sorted(set(leads.source[split.test]) - set(leads.source[split.train]))
    if unseen:
        warnings.append(f"Lead sources without history count as average: {', '.join(unseen)}.")
    if rows[0].passed:
        return LOGISTIC, rows
    warnings.append(
        "The logistic regression ranks leads no better than the conversion rate of their source, so that "
        "rate is published."
    )
    return SOURCE_RATE, rows


def _report(
    leads: Leads,
    model: FloatArray,
    rate: FloatArray,
    split: LeadSplit,
    rows: np.ndarray,
    suffix: str,
    name: str,
) -> list[ReportRow]:
    actual = leads.converted[rows]
    said = f"tested on leads captured from {split.test_from} on, trained on labels known by then"
    population = f"{len(actual)} {name}; {int(actual.sum())} bought within {HORIZON_DAYS} days"
    return [
        compare(
            metric + suffix, measure(actual, model[rows]), measure(actual, rate[rows]),
            baseline_name="conversion rate of the source", split=said, population=population,
            lower_is_better=lower,
        )
        for metric, measure, lower in (
            ("auc", evaluation.auc, False),
            ("average_precision", evaluation.average_precision, False),
            ("brier", evaluation.brier, True),
            ("ece", evaluation.expected_calibration_error, True),
        )
    ]  # fmt: skip


def _score(kind: str, leads: Leads, rates: SourceRate) -> tuple[dict, FloatArray, FloatArray, pa.Array]:
    """Parameters, score 0–100, probability or NaN, reasons; the chosen kind learns from all mature leads."""
    known = leads.is_mature
    if kind == LOGISTIC:
        model = LeadLogistic()
        model.fit(leads, known)
        probability = model.predict(leads)
        names, terms = model.terms(leads)
        score = _percentile(probability, probability[known])
        return model.parameters(), score, probability, describe(leads, names, terms, rates)
    names, terms = point_terms(leads)
    rate = rates.predict(leads)
    if kind == SOURCE_RATE:
        described = describe(leads, ["source"], (rate - rates.overall)[:, None], rates)
        return rates.parameters(), _percentile(rate, rate[known]), rate, described
    enough = int(known.sum()) >= _MIN_FOR_RATES
    probability = rate if enough else np.full(leads.size, np.nan)
    return {"points": RULE_POINTS}, points(leads), probability, describe(leads, names, terms, rates)


def _percentile(values: FloatArray, reference: FloatArray) -> FloatArray:
    """Share of the reference leads with a lower or (half) equal value, 0–100, whole numbers."""
    ordered = np.sort(np.round(reference, 9))
    values = np.round(values, 9)
    below = np.searchsorted(ordered, values, side="left") + np.searchsorted(ordered, values, side="right")
    return np.round(50.0 * below / max(len(ordered), 1))
