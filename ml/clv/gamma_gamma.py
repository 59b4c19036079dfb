"""Gamma-gamma: what a customer spends per purchase day.

Fader, P. S. & Hardie, B. G. S. (2013), The Gamma-Gamma Model of Monetary Value. Values are Gamma(p, ν) with
ν ~ Gamma(q, v) over customers, independent of how often they buy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import digamma, gammaln

from ml.clv.bgnbd import MIN_CUSTOMERS, NotIdentifiedError
from ml.data import FloatArray

_BOUND = 12.0
_SCREEN_ROWS = 20_000
_STARTS = ((0.0, 1.0, 0.0), (1.5, 1.2, 0.5), (0.5, 2.5, 2.0))


@dataclass(frozen=True)
class GammaGamma:
    """Fitted parameters; v is in the unit of money of the data (γ in the paper)."""

    p: float
    q: float
    v: float
    log_likelihood: float

    @property
    def population_mean(self) -> float:
        """E[Z] = p v / (q − 1)."""
        return self.p * self.v / (self.q - 1.0)

    def expected_value(self, x: FloatArray, mean: FloatArray) -> FloatArray:
        """E[Z | x, mean], equation (5): own mean and population mean, weighted by the number of observations.

        The weights hold for any mean, so a customer whose returns exceed their purchases may be negative.
        """
        weight = self.p * x / (self.p * x + self.q - 1.0)
        return np.asarray(weight * np.where(x > 0, mean, 0.0) + (1.0 - weight) * self.population_mean)


@dataclass(frozen=True)
class _Sums:
    """What the likelihood needs of the values: sums, and the rows only where the parameters meet them."""

    size: int
    total: FloatArray
    x: FloatArray
    counts: FloatArray
    of_count: FloatArray
    ln_mean: float
    x_ln_total: float

    @classmethod
    def of(cls, x: FloatArray, mean: FloatArray) -> _Sums:
        counts, of_count = np.unique(x, return_counts=True)
        ln_mean = np.log(mean)
        return cls(
            len(x), x * mean, x, counts, of_count.astype(np.float64), float(ln_mean.sum()),
            float(x @ (ln_mean + np.log(x))),
        )  # fmt: skip


def fit(x: FloatArray, mean: FloatArray) -> GammaGamma:
    """Maximum likelihood, equation (1a), with the analytic gradient; money is rescaled to a mean of 1.

    x is the number of purchases, `mean` their mean value; rows with x = 0 or a mean ≤ 0 are left out.
    Raises NotIdentifiedError when fewer than 30 remain, all values are equal, q ≤ 1, or one is at its bound.
    """
    x, mean = np.asarray(x, dtype=np.float64), np.asarray(mean, dtype=np.float64)
    usable = (x > 0) & (mean > 0) & np.isfinite(mean)
    x, mean = x[usable], mean[usable]
    if len(x) < MIN_CUSTOMERS:
        raise NotIdentifiedError(
            f"{len(x)} customers with a positive mean value are too few to fit gamma-gamma "
            f"(at least {MIN_CUSTOMERS})."
        )
    scale = float(mean.mean())
    relative = mean / scale
    if float(np.ptp(relative)) < 1e-9:
        raise NotIdentifiedError("All customers have the same mean value, so gamma-gamma cannot be fitted.")
    kept = np.linspace(0, len(x) - 1, min(len(x), _SCREEN_ROWS)).astype(np.int64)
    screen = _Sums.of(x[kept], relative[kept])
    best = min((_minimise(np.array(start), screen) for start in _STARTS), key=lambda found: found[1])
    best = _minimise(best[0], _Sums.of(x, relative))
    theta, value = best
    p, q, v = np.exp(theta)
    if q <= 1.0 + 1e-6 or np.any(np.abs(theta) > _BOUND - 1.0):
        raise NotIdentifiedError(
            f"The values per purchase do not identify gamma-gamma (p {p:.3g}, q {q:.3g}): "
            "their mean would be infinite or their spread nil."
        )
    # Rescaling divides the density of each mean by the unit of money.
    return GammaGamma(float(p), float(q), float(v * scale), -value - len(x) * float(np.log(scale)))


def negative_log_likelihood(theta: FloatArray, values: _Sums) -> tuple[float, FloatArray]:
    """−ln L and its gradient in the logs of (p, q, v)."""
    p, q, v = np.exp(theta)
    n, pc = values.size, p * values.counts
    joint = v + values.total
    ln_joint = np.log(joint)
    sum_ln, x_ln = float(ln_joint.sum()), float(values.x @ ln_joint)
    inverse = 1.0 / joint
    value = (
        float(values.of_count @ (gammaln(pc + q) - gammaln(pc))) - n * (gammaln(q) - q * np.log(v))
        + p * (values.x_ln_total - x_ln) - values.ln_mean - q * sum_ln
    )  # fmt: skip
    spread = digamma(pc + q)
    d_p = float(values.of_count @ (values.counts * (spread - digamma(pc)))) + values.x_ln_total - x_ln
    d_q = float(values.of_count @ spread) - n * (digamma(q) - np.log(v)) - sum_ln
    d_v = n * q / v - q * float(inverse.sum()) - p * float(values.x @ inverse)
    return -float(value), -np.array([d_p * p, d_q * q, d_v * v])


def values_of(x: FloatArray, mean: FloatArray) -> _Sums:
    """The sums of a sample, for the likelihood."""
    return _Sums.of(np.asarray(x, dtype=np.float64), np.asarray(mean, dtype=np.float64))


def _minimise(start: FloatArray, values: _Sums) -> tuple[FloatArray, float]:
    def mean_loss(theta: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = negative_log_likelihood(theta, values)
        return value / values.size, gradient / values.size

    result = minimize(
        mean_loss, start, jac=True, method="L-BFGS-B", bounds=[(-_BOUND, _BOUND)] * 3,
        options={"maxiter": 500, "ftol": 1e-13, "gtol": 1e-8},
    )  # fmt: skip
    return np.asarray(result.x), float(result.fun) * values.size
