"""Intervals of single predictions and of sums, learnt from what customers with like predictions brought."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.data import FloatArray

INTERVAL = (0.1, 0.9)
_ROWS_OF_GROUP = 50
_MAX_GROUPS = 40
_SUPPORT = (np.arange(50) + 0.5) / 50


@dataclass(frozen=True)
class Intervals:
    """Outcomes of the hold-outs by predicted value.

    Customers are grouped by their prediction; the 80 % interval of a prediction lies between the 10 % and
    90 % quantiles of what customers with such a prediction really brought. `outcomes` are 50 equally likely
    values per group, each the mean of its fiftieth, so that their mean is that of the group;
    `total_ratios` the actual over the predicted sum of each hold-out.
    """

    centre: FloatArray
    low: FloatArray
    high: FloatArray
    outcomes: FloatArray
    total_ratios: tuple[float, ...]
    horizon_days: int

    @classmethod
    def learn(cls, holdouts: list[tuple[FloatArray, FloatArray]], horizon_days: int) -> Intervals:
        """From (predicted, actual) of each hold-out."""
        predicted = np.concatenate([p for p, _ in holdouts])
        actual = np.concatenate([a for _, a in holdouts])
        order = np.argsort(predicted, kind="stable")
        groups = np.array_split(order, int(np.clip(len(order) // _ROWS_OF_GROUP, 1, _MAX_GROUPS)))
        centre = np.array([predicted[g].mean() for g in groups])
        low, high = np.array([np.quantile(actual[g], INTERVAL) for g in groups]).T
        outcomes = np.array([_equally_likely(actual[g]) for g in groups])
        centre, first = np.unique(centre, return_index=True)
        ratios = tuple(float(a.sum() / p.sum()) for p, a in holdouts if p.sum() > 0)
        return cls(centre, low[first], high[first], outcomes[first], ratios, horizon_days)

    def of(self, predicted: FloatArray, horizon_days: int) -> tuple[FloatArray, FloatArray]:
        """Low and high per customer. A horizon other than the learnt one is scaled in proportion."""
        ratio = horizon_days / self.horizon_days
        scaled = predicted / ratio
        top = self.centre[-1]
        beyond = np.where((scaled > top) & (top > 0), scaled / top if top > 0 else 1.0, 1.0)
        low = np.interp(scaled, self.centre, self.low) * beyond * ratio
        high = np.interp(scaled, self.centre, self.high) * beyond * ratio
        return np.minimum(low, predicted), np.maximum(high, predicted)

    def group_of(self, predicted: FloatArray, horizon_days: int) -> np.ndarray:
        """The group with the nearest centre, per customer."""
        scaled = predicted * self.horizon_days / horizon_days
        return np.searchsorted((self.centre[1:] + self.centre[:-1]) / 2.0, scaled)

    def as_json(self) -> dict[str, Any]:
        return {
            "centre": self.centre.tolist(),
            "low": self.low.tolist(),
            "high": self.high.tolist(),
            "outcomes": self.outcomes.tolist(),
            "total_ratios": list(self.total_ratios),
            "horizon_days": self.horizon_days,
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Intervals:
        names = ("centre", "low", "high", "outcomes")
        centre, low, high, outcomes = (np.asarray(content[name], dtype=np.float64) for name in names)
        ratios = tuple(content["total_ratios"])
        return cls(centre, low, high, outcomes, ratios, int(content["horizon_days"]))


def coverage(holdouts: list[tuple[FloatArray, FloatArray]], horizon_days: int) -> float | None:
    """Coverage on customers that the intervals were not learnt from.

    `holdouts` begin with the latest: it is covered by intervals learnt from the earlier ones. A single one is
    split into every second customer by turns.
    """
    predicted, actual = holdouts[0]
    if len(holdouts) > 1:
        low, high = Intervals.learn(holdouts[1:], horizon_days).of(predicted, horizon_days)
        return float(np.mean((actual >= low) & (actual <= high)))
    even = np.arange(len(actual)) % 2 == 0
    if even.sum() < _ROWS_OF_GROUP // 2:
        return None
    inside = np.empty(len(actual), dtype=bool)
    for learnt in (even, ~even):
        low, high = Intervals.learn([(predicted[learnt], actual[learnt])], horizon_days).of(
            predicted[~learnt], horizon_days
        )
        inside[~learnt] = (actual[~learnt] >= low) & (actual[~learnt] <= high)
    return float(inside.mean())


def _equally_likely(values: FloatArray) -> FloatArray:
    """Means of the fiftieths of the sorted values; of fewer than 50, by linear interpolation, rescaled."""
    ordered = np.sort(values)
    if len(ordered) >= len(_SUPPORT):
        return np.array([part.mean() for part in np.array_split(ordered, len(_SUPPORT))])
    points = np.quantile(ordered, _SUPPORT)
    return np.asarray(points + (ordered.mean() - points.mean()))
