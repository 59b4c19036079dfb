"""What a model reports about itself: measures beside a naive baseline, and plain sentences on fallbacks.

Every figure names the split it was measured on and the population; `passed` says whether the model was at
least as good as the baseline and is null where nothing is compared.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa


@dataclass(frozen=True)
class ReportRow:
    """One row of `ml.model_report`. A value that is undefined is None, never NaN."""

    metric: str
    value: float | None = None
    baseline_name: str | None = None
    baseline_value: float | None = None
    split: str | None = None
    population: str | None = None
    passed: bool | None = None
    note: str | None = None


@dataclass(frozen=True)
class ModelResult:
    """What one scoring run did.

    `warnings` are sentences for people: why the model fell back, or what limits its figures.
    """

    model: str
    model_version: str
    as_of: date
    rows: int
    used_fallback: bool
    warnings: tuple[str, ...] = ()
    metrics: dict[str, float] = field(default_factory=dict)


def compare(
    metric: str,
    value: float | None,
    baseline_value: float | None,
    *,
    baseline_name: str,
    split: str,
    population: str,
    lower_is_better: bool = False,
    note: str | None = None,
) -> ReportRow:
    """A measure beside its baseline; `passed` is null when either is undefined."""
    passed = None
    if value is not None and baseline_value is not None:
        passed = value <= baseline_value if lower_is_better else value >= baseline_value
    return ReportRow(metric, value, baseline_name, baseline_value, split, population, passed, note)


def fallback_rows(warnings: Iterable[str]) -> list[ReportRow]:
    """One row `warning_1`, `warning_2` … per sentence, so that it stands beside the figures."""
    return [
        ReportRow(f"warning_{number}", note=sentence) for number, sentence in enumerate(warnings, start=1)
    ]


def report_table(model: str, model_version: str, as_of: date, rows: Iterable[ReportRow]) -> pa.Table:
    """The rows as an Arrow table with the columns of `ml.model_report`; numbers have six decimals."""
    rows = list(rows)
    return pa.table(
        {
            "model": pa.array([model] * len(rows), pa.string()),
            "metric": pa.array([r.metric for r in rows], pa.string()),
            "value": pa.array([_clean(r.value) for r in rows], pa.float64()),
            "baseline_name": pa.array([r.baseline_name for r in rows], pa.string()),
            "baseline_value": pa.array([_clean(r.baseline_value) for r in rows], pa.float64()),
            "split": pa.array([r.split for r in rows], pa.string()),
            "population": pa.array([r.population for r in rows], pa.string()),
            "passed": pa.array([None if r.passed is None else bool(r.passed) for r in rows], pa.bool_()),
            "model_version": pa.array([model_version] * len(rows), pa.string()),
            "as_of_date": pa.array([as_of] * len(rows), pa.date32()),
            "note": pa.array([r.note for r in rows], pa.string()),
        }
    )


def metrics_of(rows: Iterable[ReportRow]) -> dict[str, float]:
    """The figures alone, by name."""
    return {r.metric: round(r.value, 6) for r in rows if r.value is not None and math.isfinite(r.value)}


def _clean(value: float | None) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    return round(float(value), 6)
