"""Scores and RFM segments of customers from their features and given cut points.

Cut points separate; they are never computed from the customers they are applied to once they are frozen.
Equal values always get equal scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ml.data import FloatArray, IntArray, numbers, value_basis
from ml.segments.settings import SegmentSettings, Shares

ACTIVE_DAYS = 365
_FIFTHS = (0.2, 0.4, 0.6, 0.8)


@dataclass(frozen=True)
class CutPoints:
    """Upper bounds of the fifths 1 to 4 (recency: of days, so the first fifth is the best), and the smallest
    customer value of the value classes A and B.
    """

    recency: tuple[float, ...]
    frequency: tuple[float, ...]
    monetary: tuple[float, ...]
    value_a: float
    value_b: float

    def as_json(self) -> dict[str, Any]:
        return {
            "recency_days": list(self.recency),
            "purchase_days_365": list(self.frequency),
            "margin_365": list(self.monetary),
            "customer_value_a": self.value_a,
            "customer_value_b": self.value_b,
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> CutPoints:
        return cls(
            tuple(content["recency_days"]),
            tuple(content["purchase_days_365"]),
            tuple(content["margin_365"]),
            float(content["customer_value_a"]),
            float(content["customer_value_b"]),
        )


@dataclass(frozen=True)
class Inputs:
    """The features that segments are made of, one element per customer."""

    customer_id: pa.Array
    recency_days: FloatArray
    tenure_days: FloatArray
    purchase_days: FloatArray
    frequency: FloatArray
    monetary: FloatArray
    value: FloatArray
    basis: str

    @classmethod
    def of(cls, features: pa.Table, potential: FloatArray | None = None) -> Inputs:
        """Customer value is `monetary` plus the potential, which is nothing where none is given."""
        monetary, _ = value_basis(numbers(features, "margin_amount_365"), numbers(features, "net_amount_365"))
        _, basis = value_basis(numbers(features, "margin_amount"), numbers(features, "net_amount"))
        expected = np.zeros(len(monetary)) if potential is None else np.nan_to_num(potential)
        return cls(
            features["customer_id"].combine_chunks(),
            numbers(features, "recency_days"),
            numbers(features, "tenure_days"),
            numbers(features, "purchase_days"),
            numbers(features, "purchase_days_365"),
            np.round(monetary, 4),
            np.round(monetary + expected, 4),
            basis,
        )

    @property
    def size(self) -> int:
        return len(self.recency_days)


@dataclass(frozen=True)
class Segmentation:
    """One element per customer; `segment` indexes the settings."""

    recency_score: IntArray
    frequency_score: IntArray
    monetary_score: IntArray
    segment: IntArray


def cut_points(inputs: Inputs, shares: Shares) -> CutPoints:
    """Cut points of these customers, six decimals.

    The fifths are those of the customers who bought within a year: where most have lapsed, fifths of all
    would tell the lapsed apart and not the customers.
    """
    active = inputs.recency_days <= ACTIVE_DAYS
    if not active.any():
        active = np.ones(inputs.size, dtype=bool)

    def fifths(values: FloatArray) -> tuple[float, ...]:
        return tuple(float(v) for v in np.round(np.quantile(values[active], _FIFTHS, method="lower"), 6))

    value_a, value_b = _share_bounds(inputs.value, shares)
    return CutPoints(
        fifths(inputs.recency_days), fifths(inputs.frequency), fifths(inputs.monetary), value_a, value_b
    )


def segment(inputs: Inputs, cuts: CutPoints, settings: SegmentSettings) -> Segmentation:
    """Applies the cut points and the rules of the settings; the first segment that fits wins."""
    # side="left" counts the bounds below the value: a value on a bound belongs to the fifth below it.
    columns = {
        "recency_score": 5 - np.searchsorted(cuts.recency, inputs.recency_days, side="left"),
        "frequency_score": 1 + np.searchsorted(cuts.frequency, inputs.frequency, side="left"),
        "monetary_score": 1 + np.searchsorted(cuts.monetary, inputs.monetary, side="left"),
        "recency_days": inputs.recency_days,
        "tenure_days": inputs.tenure_days,
        "purchase_days": inputs.purchase_days,
    }
    found = np.full(inputs.size, -1, dtype=np.int64)
    for number, candidate in enumerate(settings.segments):
        fits = found < 0
        for column, side, bound in candidate.when.bounds():
            fits &= columns[column] >= bound if side == "min" else columns[column] <= bound
        found[fits] = number
    return Segmentation(
        columns["recency_score"].astype(np.int64),
        columns["frequency_score"].astype(np.int64),
        columns["monetary_score"].astype(np.int64),
        found,
    )


def _share_bounds(value: FloatArray, shares: Shares) -> tuple[float, float]:
    """The smallest values of A and B: A are the best who together bring the share, the last one included."""
    ordered = np.sort(value[value > 0])[::-1]
    if not len(ordered):
        return float("1e18"), float("1e18")
    reached = np.cumsum(ordered) / ordered.sum()
    last_a = int(np.searchsorted(reached, shares.a / 100.0))
    last_b = int(np.searchsorted(reached, (shares.a + shares.b) / 100.0 - 1e-12))
    return float(ordered[last_a]), float(ordered[min(last_b, len(ordered) - 1)])
