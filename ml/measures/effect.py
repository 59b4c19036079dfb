"""Effect of a campaign on those who got it, against a random hold-out, and the size that can show one.

CUPED: Deng, Xu, Kohavi & Walker (2013), Improving the Sensitivity of Online Controlled Experiments by
Utilizing Pre-Experiment Data, WSDM. What a customer did before the campaign explains part of what they do in
it; taking that part out leaves the expected difference as it is and makes its interval narrower.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from ml.data import FloatArray

MIN_OF_EACH_GROUP = 30


@dataclass(frozen=True)
class Effect:
    """Mean difference per customer, treated less held out, in the unit of the outcome.

    `low` and `high` are its 95 % interval; `explained` is the share of the variance that was taken out.
    """

    treated: int
    held_out: int
    treated_mean: float
    held_out_mean: float
    difference: float
    low: float
    high: float
    explained: float

    @property
    def is_shown(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0.0 or self.high < 0.0


def estimate(
    treated: FloatArray, held_out: FloatArray, treated_before: FloatArray, held_out_before: FloatArray
) -> Effect | None:
    """Welch's interval of the CUPED-adjusted difference (equations 3 and 5 of the paper).

    `…_before` is the same measure over a time before the campaign, per customer in the same order. None where
    a group has fewer than 30 customers: then no effect can be claimed.
    """
    if min(len(treated), len(held_out)) < MIN_OF_EACH_GROUP:
        return None
    before = np.concatenate([treated_before, held_out_before])
    outcome = np.concatenate([treated - treated.mean(), held_out - held_out.mean()])
    centred = np.concatenate(
        [treated_before - treated_before.mean(), held_out_before - held_out_before.mean()]
    )
    variance = float(centred @ centred)
    theta = float(centred @ outcome) / variance if variance > 0 else 0.0
    adjusted = [
        values - theta * (known - before.mean())
        for values, known in ((treated, treated_before), (held_out, held_out_before))
    ]
    difference = float(adjusted[0].mean() - adjusted[1].mean())
    parts = [float(a.var(ddof=1)) / len(a) for a in adjusted]
    error = float(np.sqrt(sum(parts)))
    squares = sum(p**2 / (len(a) - 1) for p, a in zip(parts, adjusted, strict=True))
    freedom = sum(parts) ** 2 / squares if squares > 0 else 1.0
    half = float(stats.t.ppf(0.975, freedom)) * error
    total = float(outcome @ outcome)
    return Effect(
        len(treated), len(held_out), float(treated.mean()), float(held_out.mean()), difference,
        difference - half, difference + half, theta**2 * variance / total if total > 0 else 0.0,
    )  # fmt: skip


def detectable_difference(
    customers: int, holdout_pct: float, deviation: float, explained: float = 0.0, power: float = 0.8
) -> float:
    """The smallest true difference per customer that is shown with this power at the 5 % level, two-sided.

    `deviation` is the standard deviation of the outcome, `explained` the share of variance CUPED takes out.
    """
    share = holdout_pct / 100.0
    quantiles = stats.norm.ppf(0.975) + stats.norm.ppf(power)
    spread = deviation * np.sqrt(1.0 - explained)
    return float(quantiles * spread / np.sqrt(customers * share * (1.0 - share)))


def customers_needed(
    difference: float, holdout_pct: float, deviation: float, explained: float = 0.0, power: float = 0.8
) -> int:
    """The size, both groups together, at which such a difference is shown with this power."""
    if difference == 0:
        raise ValueError("no number of customers shows a difference of nothing")
    one = detectable_difference(1, holdout_pct, deviation, explained, power)
    return int(np.ceil((one / difference) ** 2))
