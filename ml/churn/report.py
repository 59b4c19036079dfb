"""What the backtest says, as rows of `ml.model_report`."""

from __future__ import annotations

from datetime import date

from ml import evaluation
from ml.churn.backtest import Backtest
from ml.churn.labels import ChurnRules, Rows
from ml.churn.models import BLEND, BOOSTING, LOGISTIC, RECENCY_RULE
from ml.report import ReportRow, compare

_BASELINE = "recency rule"


def backtest_rows(backtest: Backtest, rows: Rows, rules: ChurnRules) -> list[ReportRow]:
    """The published model on the latest test day, the ladder over all of them, and the gain on the rule."""
    latest = backtest.latest
    shown = backtest.winner if backtest.winner != RECENCY_RULE else backtest.contender
    churned, model, rule = latest.churned, latest.predicted[shown], latest.predicted[RECENCY_RULE]
    split = (
        f"trained on {latest.trained_rows} rows of snapshots from {latest.first_snapshot} on whose labels "
        f"were known by {latest.day}, tested on {latest.day}"
    )
    population = f"{len(churned)} {_who(rows, rules)}; {int(churned.sum())} left"
    found = [
        compare(
            name, measure(churned, model), measure(churned, rule),
            baseline_name=_BASELINE, split=split, population=population, lower_is_better=lower,
            note=f"published: {backtest.winner}" if name == "auc" else None,
        )
        for name, measure, lower in (
            ("auc", evaluation.auc, False),
            ("average_precision", evaluation.average_precision, False),
            ("brier", evaluation.brier, True),
            ("ece", evaluation.expected_calibration_error, True),
            ("lift_top_10_pct", evaluation.lift, False),
        )
    ]  # fmt: skip
    days = ", ".join(str(o.day) for o in backtest.origins)
    over_days = f"mean over the test days {days}"
    for kind in (LOGISTIC, BOOSTING, BLEND):
        mean, low, high = backtest.gain(kind)
        found.append(
            ReportRow(
                f"mean_auc_{kind.replace('-', '_')}", backtest.mean_auc(kind), _BASELINE,
                backtest.mean_auc(RECENCY_RULE), over_days, population, low > 0.0,
                f"gain {mean:+.4f}, 95 % interval {low:+.4f} to {high:+.4f}",
            )
        )  # fmt: skip
    return found


def base_rate(rows: Rows, as_of: date, rules: ChurnRules) -> list[ReportRow]:
    """Share of customers who left among all rows whose label is known."""
    known = rows.known_by(as_of)
    first, last = (
        date.fromordinal(int(day)) for day in (rows.snapshot[known].min(), rows.snapshot[known].max())
    )
    return [
        ReportRow(
            "base_rate", float(rows.churned[known].mean()), split=f"snapshots {first} to {last}",
            population=f"{int(known.sum())} rows: {_who(rows, rules)}",
        )
    ]  # fmt: skip


def _who(rows: Rows, rules: ChurnRules) -> str:
    gaps = f", at least {rules.rhythm_gaps:g} usual gaps" if rules.rhythm_gaps is not None else ""
    some = f" (one in {rows.one_in} of them)" if rows.one_in > 1 else ""
    return f"{rules.population}{some}, left: away for {rules.horizon_days} days{gaps}"
