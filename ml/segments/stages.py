"""Value class and stage of customers, with hysteresis: who stands near a border stays where they were.

Borders are absolute (frozen cut points, bands of the churn probability), so nobody moves because others did.
"""

from __future__ import annotations

import numpy as np

from ml.data import FloatArray, IntArray
from ml.segments.settings import STAGES, SegmentSettings

LAPSED_DAYS = 365
NEW, SECURE, WAVERING, LEAVING, LAPSED = range(len(STAGES))
UNKNOWN = -1


def value_classes(
    value: FloatArray, cuts: tuple[float, float], previous: IntArray, margin_pct: float
) -> IntArray:
    """0 (A), 1 (B) or 2 (C). A known previous class is left only beyond its border by the margin."""
    share = margin_pct / 100.0

    def by(factor: float) -> IntArray:
        upper, lower = cuts[0] * factor, cuts[1] * factor
        return np.asarray(np.where(value >= upper, 0, np.where(value >= lower, 1, 2)), dtype=np.int64)

    plain = by(1.0)
    risen = np.minimum(by(1.0 + share), previous)
    fallen = np.maximum(by(1.0 - share), previous)
    kept = np.where(plain < previous, risen, np.where(plain > previous, fallen, plain))
    return np.where(previous == UNKNOWN, plain, kept)


def stages(
    recency_days: FloatArray,
    tenure_days: FloatArray,
    churn_probability: FloatArray,
    previous: IntArray,
    settings: SegmentSettings,
) -> IntArray:
    """Index into STAGES. Without a churn probability a customer who bought within the year is secure.

    A customer who was secure, wavering or leaving changes only beyond the band's border by the margin.
    """
    bands, margin = settings.risk_bands, settings.hysteresis.probability
    risk = np.nan_to_num(churn_probability, nan=0.0)

    def by(shift: float) -> IntArray:
        found = np.where(risk >= bands.high + shift, LEAVING, WAVERING)
        return np.asarray(np.where(risk >= bands.medium + shift, found, SECURE), dtype=np.int64)

    plain = by(0.0)
    worse, better = np.maximum(by(margin), previous), np.minimum(by(-margin), previous)
    kept = np.where(plain > previous, worse, np.where(plain < previous, better, plain))
    at_risk = (previous >= SECURE) & (previous <= LEAVING)
    stage = np.where(at_risk, kept, plain)
    stage = np.where(tenure_days <= settings.new_days, NEW, stage)
    return np.where(recency_days > LAPSED_DAYS, LAPSED, stage)
