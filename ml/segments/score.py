"""Value class, stage, segments and strategy of every customer as of a day: `ml.customer_segment`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from ml.data import FloatArray, IntArray, load_features, single_threaded, snapshot_dates
from ml.report import ModelResult, fallback_rows, metrics_of, report_table
from ml.segments import history
from ml.segments.frozen import frozen_cut_points, frozen_needs
from ml.segments.inputs import load_scores, naive_potential
from ml.segments.needs import Mix, Needs, load_mix
from ml.segments.profiles import Outlook, profiles
from ml.segments.report import Now, Then, report_rows
from ml.segments.rfm import CutPoints, Inputs, Segmentation, segment
from ml.segments.settings import SETTINGS_FILE, STAGES, SegmentSettings, load_settings
from ml.segments.stages import stages, value_classes
from ml.tables import replace_scores, replace_table
from stammkunde.config import Config

MODEL = "segments"
CLASSES = ("A", "B", "C")
_QUARTER_DAYS = 84
_MIGRATION_DAYS = 28


def run(
    connection: duckdb.DuckDBPyConnection,
    config: Config,
    as_of: date,
    models_directory: Path,
    settings_file: Path = SETTINGS_FILE,
) -> ModelResult:
    """Segments the customers of the snapshot `as_of` by frozen cut points; run clv and churn before it.

    Class and stage start from what the last run before `as_of` left in `ml.customer_segment_history`.
    `previous_segment` is what the cut points say of the RFM segment a quarter ago; null for who is new since.
    """
    settings = load_settings(settings_file)
    horizon = config.scores.clv_horizon_days
    with single_threaded():
        features = load_features(connection, [as_of])
        if not features.num_rows:
            return _nobody(connection, settings, as_of)
        scores = load_scores(connection, features, as_of, horizon, models_directory)
        inputs = Inputs.of(features, scores.potential)
        cuts, version, limits = frozen_cut_points(inputs, settings, as_of, models_directory)
        rfm = segment(inputs, cuts, settings)
        before = history.state_on(connection, as_of)
        value_class = value_classes(
            inputs.value,
            (cuts.value_a, cuts.value_b),
            history.aligned(before, inputs.customer_id, "value_class", CLASSES),
            settings.hysteresis.value_pct,
        )
        stage = stages(
            inputs.recency_days, inputs.tenure_days, scores.churn_probability,
            history.aligned(before, inputs.customer_id, "stage", STAGES), settings,
        )  # fmt: skip
        mix = load_mix(connection, features, as_of)
        needs, unstable = frozen_needs(mix, settings, as_of, models_directory)
        then = _quarter_ago(connection, as_of, settings, cuts, horizon)
        warnings = [*limits, *scores.warnings, *unstable]
        if inputs.basis == "net_amount":
            warnings.append("The margin of most customers is unknown: values are net amounts, not margins.")
        table = _Columns(inputs, rfm, value_class, stage, scores.potential, settings)
        previous = _previous(inputs, then, settings)
        written = table.score_table(as_of, previous, _needs_names(inputs, mix, needs))
        now = Now(inputs, rfm.segment, value_class, stage, before, written)
        rows = report_rows(connection, now, then, needs, settings, as_of)
    rows += fallback_rows(warnings)
    report = report_table(MODEL, version, as_of, rows)
    count = replace_scores(connection, as_of, MODEL, "customer_segment", written, report)
    history.write(connection, as_of, written)
    outlook = Outlook.of(scores.clv_manifest, scores.potential, horizon)
    replace_table(connection, "segment_profile", profiles(connection, table.members(written), as_of, outlook))
    replace_table(connection, "segment_migration", _migration(connection, as_of, table.members(written)))
    return ModelResult(MODEL, version, as_of, count, False, tuple(warnings), metrics_of(rows))


def _nobody(connection: duckdb.DuckDBPyConnection, settings: SegmentSettings, as_of: date) -> ModelResult:
    warnings = [f"No customer has features as of {as_of}, so there is nobody to segment."]
    version = f"rfm-r{settings.release}@{as_of}-empty"
    report = report_table(MODEL, version, as_of, fallback_rows(warnings))
    replace_scores(connection, as_of, MODEL, "customer_segment", None, report)
    for table in ("segment_profile", "segment_migration"):
        replace_table(connection, table, None)
    return ModelResult(MODEL, version, as_of, 0, True, tuple(warnings))


def _quarter_ago(
    connection: duckdb.DuckDBPyConnection,
    as_of: date,
    settings: SegmentSettings,
    cuts: CutPoints,
    horizon: int,
) -> Then | None:
    """The latest snapshot at least twelve weeks back, by the same cut points and the naive potential."""
    days = [day for day in snapshot_dates(connection, as_of) if (as_of - day).days >= _QUARTER_DAYS]
    if not days:
        return None
    features = load_features(connection, [days[-1]])
    inputs = Inputs.of(features, naive_potential(features, horizon))
    return Then(days[-1], inputs, segment(inputs, cuts, settings).segment) if inputs.size else None


def _previous(inputs: Inputs, then: Then | None, settings: SegmentSettings) -> np.ndarray:
    if then is None:
        return np.full(inputs.size, None, dtype=object)
    place = then.positions(inputs)
    names = np.array([s.name for s in settings.segments], dtype=object)[then.segment[np.maximum(place, 0)]]
    names[place < 0] = None
    return np.asarray(names)


def _needs_names(inputs: Inputs, mix: Mix, needs: Needs | None) -> pa.Array:
    """The needs segment per customer; null for who bought nothing in the last year."""
    if needs is None or not len(mix.shares):
        return pa.nulls(inputs.size, pa.string())
    named = pa.table(
        {"customer_id": mix.customer_id, "needs": pa.array(needs.names).take(pa.array(needs.assign(mix)))}
    )
    place = history.aligned(named, inputs.customer_id, "needs", needs.names)
    return pa.array(needs.names).take(pa.array(place, mask=place < 0))


def _migration(connection: duckdb.DuckDBPyConnection, as_of: date, members: pa.Table) -> pa.Table:
    since = as_of - timedelta(days=_MIGRATION_DAYS)
    moved = history.migration(connection, since, members)
    size = moved.num_rows
    return moved.append_column("as_of_date", pa.array([as_of] * size, pa.date32())).append_column(
        "since_date", pa.array([since] * size, pa.date32())
    )


@dataclass(frozen=True)
class _Columns:
    """The columns of the score table, one element per customer."""

    inputs: Inputs
    rfm: Segmentation
    value_class: IntArray
    stage: IntArray
    potential: FloatArray
    settings: SegmentSettings

    def score_table(self, as_of: date, previous: np.ndarray, needs: pa.Array) -> pa.Table:
        by_stage = [getattr(self.settings.strategies, stage) for stage in STAGES]
        strategies = np.array([[s.a, s.b, s.c] for s in by_stage], dtype=object)
        names = np.array([s.name for s in self.settings.segments], dtype=object)
        return pa.table(
            {
                "customer_id": self.inputs.customer_id,
                "as_of_date": pa.array([as_of] * self.inputs.size, pa.date32()),
                "recency_score": pa.array(self.rfm.recency_score),
                "frequency_score": pa.array(self.rfm.frequency_score),
                "monetary_score": pa.array(self.rfm.monetary_score),
                "segment": pa.array(names[self.rfm.segment], pa.string()),
                "value_class": pa.array(np.array(CLASSES, dtype=object)[self.value_class], pa.string()),
                "strategy": pa.array(strategies[self.stage, self.value_class], pa.string()),
                "previous_segment": pa.array(previous, pa.string()),
                "stage": pa.array(np.array(STAGES, dtype=object)[self.stage], pa.string()),
                "needs_segment": needs,
                "current_value_amount": pa.array(np.round(self.inputs.monetary, 2) + 0.0),
                "potential_value_amount": pa.array(np.round(self.potential, 2) + 0.0),
            }
        )

    def members(self, scores: pa.Table) -> pa.Table:
        """What profiles and migration are made of."""
        value_stage = [f"{CLASSES[c]} {STAGES[s]}" for c, s in zip(self.value_class, self.stage, strict=True)]
        return pa.table(
            {
                "customer_id": scores["customer_id"],
                "value_stage": pa.array(value_stage, pa.string()),
                "segment": scores["segment"],
                "needs_segment": scores["needs_segment"],
                "value_class": scores["value_class"],
                "stage": scores["stage"],
                "current_value": scores["current_value_amount"],
                "potential_value": scores["potential_value_amount"],
                "margin_365": scores["current_value_amount"],
                "value": pa.array(self.inputs.value),
            }
        )
