"""Sums of customer value in a worst, a realistic and a best case, for planners.

A sum of many customers is far surer than each of them, but they err together: a bad year hits everybody. So a
simulated sum is made of single outcomes, drawn from what customers with like predictions brought in the
hold-outs, times one factor for all, which spreads as the hold-outs' totals did around the predicted ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.clv.intervals import Intervals
from ml.data import FloatArray, IntArray

DRAWS = 1000
CASES = (0.1, 0.5, 0.9)
_SEED = 20250101
_LEAST_SPREAD = 0.02
_EXACT_BELOW = 100


@dataclass(frozen=True)
class Scenario:
    """Value of a group of customers: exceeded in nine, five and one of ten simulated futures."""

    worst: float
    realistic: float
    best: float


def simulate(
    predicted: FloatArray, member_of: IntArray, groups: int, intervals: Intervals, horizon_days: int
) -> list[Scenario]:
    """One scenario per group number 0 … groups − 1; `member_of` gives each customer's."""
    rng = np.random.default_rng(_SEED)
    spread = common_spread(intervals.total_ratios)
    together = np.exp(rng.normal(0.0, spread, DRAWS))
    like = intervals.group_of(predicted, horizon_days)
    mean = intervals.outcomes.mean(axis=1)
    found = []
    for number in range(groups):
        total = np.zeros(DRAWS)
        for outcome in range(len(intervals.centre)):
            mine = predicted[(member_of == number) & (like == outcome)]
            if len(mine) and mean[outcome] > 0:
                relative = intervals.outcomes[outcome] / mean[outcome]
                total += _sums(mine, relative, rng)
            else:
                total += float(mine.sum())
        found.append(Scenario(*(float(v) for v in np.quantile(total * together, CASES))))
    return found


def common_spread(total_ratios: tuple[float, ...]) -> float:
    """Root mean square of ln(actual total / predicted total), at least 2 %; a quarter without a hold-out."""
    known = np.array([r for r in total_ratios if r > 0])
    if not len(known):
        return 0.25
    return max(float(np.sqrt(np.mean(np.log(known) ** 2))), _LEAST_SPREAD)


def _sums(predicted: FloatArray, relative: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Simulated sums of independent customers; many together are as good as normal."""
    if len(predicted) >= _EXACT_BELOW:
        deviation = float(relative.std()) * float(np.sqrt(np.sum(predicted**2)))
        return np.asarray(float(predicted.sum()) + deviation * rng.normal(size=DRAWS))
    chosen = rng.integers(0, len(relative), (DRAWS, len(predicted)))
    return np.asarray(relative[chosen] @ predicted)
