"""RFM segment, value class and strategy of every customer as of a day: `ml.customer_segment`."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.data import load_features, numbers, relation_exists, single_threaded, snapshot_dates, value_basis
from ml.report import ModelResult, ReportRow, compare, fallback_rows, metrics_of, report_table
from ml.segments.frozen import frozen_cut_points
from ml.segments.rfm import Inputs, Segmentation, segment
from ml.segments.settings import SETTINGS_FILE, SegmentSettings, load_settings
from ml.tables import replace_scores
from stammkunde.config import Config

MODEL = "segments"
_CLASSES = np.array(["A", "B", "C"], dtype=object)
_PERIOD_DAYS = 91


def run(
    connection: duckdb.DuckDBPyConnection,
    config: Config,  # noqa: ARG001 - every model has the same signature
    as_of: date,
    models_directory: Path,
    settings_file: Path = SETTINGS_FILE,
) -> ModelResult:
    """Segments the customers of the snapshot `as_of` by frozen cut points.

    `previous_segment` is what the same cut points say of the snapshot before; null for who is new since.
    """
    settings = load_settings(settings_file)
    with single_threaded():
        features = load_features(connection, [as_of])
        inputs = Inputs.of(features)
        if inputs.size == 0:
            warnings = [f"No customer has features as of {as_of}, so there is nobody to segment."]
            version = f"rfm-r{settings.release}@{as_of}-empty"
            report = report_table(MODEL, version, as_of, fallback_rows(warnings))
            replace_scores(connection, as_of, MODEL, "customer_segment", None, report)
            return ModelResult(MODEL, version, as_of, 0, True, tuple(warnings))
        cuts, version, warnings = frozen_cut_points(inputs, settings, as_of, models_directory)
        now = segment(inputs, cuts, settings)
        if inputs.basis == "net_amount":
            warnings.append("The margin of most customers is unknown: values are net amounts, not margins.")
        earlier = [day for day in snapshot_dates(connection, as_of) if day < as_of]
        before, before_inputs, rows = None, None, []
        if earlier:
            before_features = load_features(connection, [earlier[-1]])
            before_inputs = Inputs.of(before_features)
            before = segment(before_inputs, cuts, settings)
        previous = _previous_names(inputs, before_inputs, before, settings)
        rows = _sizes(inputs, now, settings)
        if before is not None and before_inputs is not None and before_inputs.size:
            rows += _stability(inputs, now, previous, settings, earlier[-1], as_of)
            rows += _foresight(connection, before_inputs, before, earlier[-1], as_of)
    rows += fallback_rows(warnings)
    written = replace_scores(
        connection,
        as_of,
        MODEL,
        "customer_segment",
        _score_table(inputs, now, previous, settings, as_of),
        report_table(MODEL, version, as_of, rows),
    )
    return ModelResult(MODEL, version, as_of, written, False, tuple(warnings), metrics_of(rows))


def _names(settings: SegmentSettings) -> np.ndarray:
    return np.array([s.name for s in settings.segments], dtype=object)


def _positions(inputs: Inputs, others: Inputs) -> np.ndarray:
    """For each of the first, its place among the second, or −1; both are sorted by customer_id."""
    found = pc.fill_null(pc.index_in(inputs.customer_id, others.customer_id), -1)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.int64)


def _previous_names(
    inputs: Inputs, before_inputs: Inputs | None, before: Segmentation | None, settings: SegmentSettings
) -> np.ndarray:
    if before is None or before_inputs is None or not before_inputs.size:
        return np.full(inputs.size, None, dtype=object)
    place = _positions(inputs, before_inputs)
    names = _names(settings)[before.segment[np.maximum(place, 0)]]
    names[place < 0] = None
    return names


def _sizes(inputs: Inputs, now: Segmentation, settings: SegmentSettings) -> list[ReportRow]:
    population = f"{inputs.size} customers with a purchase"
    rows = [
        ReportRow(f"share_pct_{name}", 100.0 * float(np.mean(now.segment == k)), population=population)
        for k, name in enumerate(_names(settings))
    ]
    total = float(inputs.yearly_value.sum())
    if total > 0:
        of_a = float(inputs.yearly_value[now.value_class == 0].sum())
        rows.append(
            ReportRow(
                "value_share_pct_class_a", 100.0 * of_a / total, "share of customers",
                100.0 * float(np.mean(now.value_class == 0)), population=population,
            )
        )  # fmt: skip
    return rows


def _stability(
    inputs: Inputs, now: Segmentation, previous: np.ndarray, settings: SegmentSettings, day: date, as_of: date
) -> list[ReportRow]:
    known = np.array([name is not None for name in previous])
    if not known.any():
        return []
    same = _names(settings)[now.segment][known] == previous[known]
    # Two draws from these segment sizes would agree this often.
    shares = np.bincount(now.segment[known], minlength=len(settings.segments)) / known.sum()
    return [
        compare(
            "stability_pct", 100.0 * float(np.mean(same)), 100.0 * float(shares @ shares),
            baseline_name="chance", split=f"{day} to {as_of}",
            population=f"{int(known.sum())} of {inputs.size} customers who were customers on {day}",
        )
    ]  # fmt: skip


def _foresight(
    connection: duckdb.DuckDBPyConnection, inputs: Inputs, before: Segmentation, day: date, as_of: date
) -> list[ReportRow]:
    """Does class A of the last snapshot really bring more in the period after it?"""
    if not relation_exists(connection, "features", "customer_purchase_day"):
        return []
    end = min(as_of, day + timedelta(days=_PERIOD_DAYS))
    connection.register("_segmented", pa.table({"customer_id": inputs.customer_id}))
    try:
        table = connection.execute(
            "select coalesce(sum(d.margin_amount), 0)::double as margin, "
            "coalesce(sum(d.net_amount), 0)::double as net from _segmented s "
            "left join features.customer_purchase_day d on s.customer_id = d.customer_id "
            "and d.purchase_date >= $day and d.purchase_date < $end "
            "group by s.customer_id order by s.customer_id",
            {"day": day, "end": end},
        ).to_arrow_table()
    finally:
        connection.unregister("_segmented")
    if inputs.basis == "margin_amount":
        actual, _ = value_basis(numbers(table, "margin"), numbers(table, "net"))
    else:
        actual = numbers(table, "net")
    total, best = float(actual.sum()), before.value_class == 0
    if total <= 0 or not best.any():
        return []
    return [
        compare(
            "next_period_value_share_pct_class_a", 100.0 * float(actual[best].sum()) / total,
            100.0 * float(np.mean(best)), baseline_name="as many customers at random",
            split=f"classes of {day}, value from {day} to {end} (exclusive)",
            population=f"{inputs.size} customers with a purchase before {day}",
        )
    ]  # fmt: skip


def _score_table(
    inputs: Inputs, now: Segmentation, previous: np.ndarray, settings: SegmentSettings, as_of: date
) -> pa.Table:
    strategies = np.array(
        [[s.strategy.a, s.strategy.b, s.strategy.c] for s in settings.segments], dtype=object
    )
    return pa.table(
        {
            "customer_id": inputs.customer_id,
            "as_of_date": pa.array([as_of] * inputs.size, pa.date32()),
            "recency_score": pa.array(now.recency_score),
            "frequency_score": pa.array(now.frequency_score),
            "monetary_score": pa.array(now.monetary_score),
            "segment": pa.array(_names(settings)[now.segment], pa.string()),
            "value_class": pa.array(_CLASSES[now.value_class], pa.string()),
            "strategy": pa.array(strategies[now.segment, now.value_class], pa.string()),
            "previous_segment": pa.array(previous, pa.string()),
        }
    )
