"""Is a value unusual, judged by a history that may hold odd values itself?

Modified z-score after Iglewicz and Hoaglin (How to Detect and Handle Outliers, ASQC 1993): distance from the
median in units of the median absolute deviation, scaled to the standard deviation of a normal distribution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_MAD_TO_SIGMA = 1.4826  # 1 / Φ⁻¹(3/4)
_MEAN_DEVIATION_TO_SIGMA = 1.2533  # √(π/2)


@dataclass(frozen=True)
class Deviation:
    """How far a value is from its history: `score` is signed, in robust standard deviations."""

    median: float
    score: float


def deviation(history: Sequence[float], value: float, noise: float) -> Deviation:
    """The signed modified z-score of `value` against a non-empty `history`.

    `noise` is the deviation that sampling alone explains; the scale is never below it, so a history that has
    always been the same does not make the smallest change an outlier. Raises ValueError for an empty history
    or a noise that is not positive.
    """
    if not len(history):
        raise ValueError("a history needs at least one value")
    if not noise > 0:
        raise ValueError("noise must be positive")
    values = np.asarray(history, dtype=float)
    median = float(np.median(values))
    distances = np.abs(values - median)
    scale = _MAD_TO_SIGMA * float(np.median(distances))
    if scale == 0:
        # More than half of the values are the same: the mean deviation still sees the others.
        scale = _MEAN_DEVIATION_TO_SIGMA * float(np.mean(distances))
    return Deviation(median, (value - median) / max(scale, noise))


def count_deviation(history: Sequence[int], value: int) -> Deviation:
    """Deviation of a count on the logarithmic scale, where half and double are equally far; noise is
    Poisson's.

    `median` is a count again.
    """
    logarithms = [math.log1p(count) for count in history]
    typical = float(np.median(logarithms))
    found = deviation(logarithms, math.log1p(value), 1 / math.sqrt(max(math.expm1(typical), 1.0)))
    return Deviation(math.expm1(found.median), found.score)


def share_deviation(history: Sequence[float], failed: int, checked: int) -> Deviation:
    """Deviation of the share failed / checked; noise is that of a binomial sample of this size.

    The share behind the noise is Laplace's (history's median as one more observation pair), so it is never
    zero.
    """
    expected = (float(np.median(history)) * checked + 1) / (checked + 2)
    noise = math.sqrt(expected * (1 - expected) / checked)
    return deviation(history, failed / checked, noise)
