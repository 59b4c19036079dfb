"""BG/NBD: how often a customer buys, and whether they still do.

Fader, P. S., Hardie, B. G. S. & Lee, K. L. (2005), "Counting Your Customers" the Easy Way: An Alternative to
the Pareto/NBD Model, Marketing Science 24(2). While active, a customer buys at a Poisson rate
λ ~ Gamma(r, α); after each repeat purchase they leave with probability p ~ Beta(a, b).

x is the number of repeat purchase days, t_x the days from the first to the last purchase, T the days from the
first purchase to the end of the observation; t_x = 0 where x = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import betaln, digamma, expit, gammaln

from ml.clv.special import purchases_while_alive
from ml.data import FloatArray, IntArray

MIN_CUSTOMERS = 30
_BOUND = 12.0  # log of a parameter in rescaled time; the optimum of an identified model lies far inside
_AT_INFINITY = 9.0
_SCREEN_ROWS = 10_000
_BLOCK = 16_384
_STARTS = ((0.0, 0.0, 0.0, 0.0), (-1.5, -1.5, 0.0, 1.0), (0.7, -0.7, -1.0, 2.0), (-0.7, 0.7, 0.7, 0.7))


class NotIdentifiedError(ValueError):
    """The data cannot tell the parameters apart; the sentence says why."""


@dataclass(frozen=True)
class _Part:
    """Distinct histories with the number of customers of each, and their distinct purchase counts."""

    x: FloatArray
    t_x: FloatArray
    T: FloatArray
    weight: FloatArray
    counts: FloatArray
    at: IntArray
    weight_of_count: FloatArray

    @classmethod
    def of(cls, rows: FloatArray, weight: FloatArray) -> _Part:
        counts, at = np.unique(rows[:, 0], return_inverse=True)
        of_count = np.bincount(at, weights=weight, minlength=len(counts))
        x, t_x, T = (np.ascontiguousarray(rows[:, i]) for i in range(3))
        return cls(x, t_x, T, weight, counts, at.astype(np.int64), of_count.astype(np.float64))


@dataclass(frozen=True)
class Histories:
    """Distinct histories: of customers who bought once, and of those who came again."""

    once: _Part
    again: _Part


@dataclass(frozen=True)
class BgNbd:
    """Fitted parameters; α is in the unit of time of the data."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float

    def probability_alive(self, x: FloatArray, t_x: FloatArray, T: FloatArray) -> FloatArray:
        """P(active at T | x, t_x, T): equation (4) of Fader, Hardie & Lee (2008), "Computing P(alive)".

        It is 1 for everyone with x = 0, since the model lets nobody leave before a repeat purchase.
        """
        log_odds_dead = (
            np.log(self.a)
            - np.log(self.b + np.maximum(x, 1.0) - 1.0)
            + (self.r + x) * (np.log(self.alpha + T) - np.log(self.alpha + t_x))
        )
        return np.where(x > 0, expit(-log_odds_dead), 1.0)

    def expected_purchases(self, horizon: float, x: FloatArray, t_x: FloatArray, T: FloatArray) -> FloatArray:
        """E[Y(t) | x, t_x, T], equation (10): purchases expected within `horizon` after T."""
        pairs = np.stack([x, T], axis=1)
        distinct, inverse = distinct_rows(pairs)
        alive = purchases_while_alive(
            distinct[:, 0].copy(), distinct[:, 1].copy(), horizon, self.r, self.alpha, self.a, self.b
        )
        return np.asarray(alive[inverse] * self.probability_alive(x, t_x, T))

    def expected_purchases_of_new(self, horizon: float) -> float:
        """E[X(t)], equation (9): repeat purchases of a new customer, which is (10) at x = 0, T = 0."""
        zero = np.zeros(1)
        return float(purchases_while_alive(zero, zero, horizon, self.r, self.alpha, self.a, self.b)[0])

    def probability_of_purchase(
        self, horizon: float, x: FloatArray, t_x: FloatArray, T: FloatArray
    ) -> FloatArray:
        """P(at least one purchase within `horizon` after T)."""
        silent = np.exp((self.r + x) * (np.log(self.alpha + T) - np.log(self.alpha + T + horizon)))
        return self.probability_alive(x, t_x, T) * (1.0 - silent)


def group(x: FloatArray, t_x: FloatArray, T: FloatArray) -> Histories:
    """Counts customers with the same (x, t_x, T), which is all that the likelihood depends on."""
    return split(*_count_rows(x, t_x, T))


def split(rows: FloatArray, weight: FloatArray) -> Histories:
    """Distinct histories (columns x, t_x, T) with their number of customers, ready for the likelihood."""
    again = rows[:, 0] > 0
    return Histories(_Part.of(rows[~again], weight[~again]), _Part.of(rows[again], weight[again]))


def fit(x: FloatArray, t_x: FloatArray, T: FloatArray) -> BgNbd:
    """Maximum likelihood over log r, log α, log a, log b with the analytic gradient.

    Time is rescaled to a mean of 1, so that days and hours give the same fit. Several starts are screened on
    at most 10,000 histories; the best is polished on all.

    Raises NotIdentifiedError for fewer than 30 customers, when nobody bought again, when no time has passed,
    or when a parameter runs to infinity; ValueError for impossible histories.
    """
    x, t_x, T = (np.asarray(v, dtype=np.float64) for v in (x, t_x, T))
    _check(x, t_x, T)
    scale = float(T.mean())
    rows, weight = _count_rows(x, t_x, T)
    rows[:, 1:] /= scale
    histories = split(rows, weight)
    if len(rows) <= _SCREEN_ROWS:
        best = min((_minimise(np.array(start), histories) for start in _STARTS), key=lambda found: found[1])
    else:
        # Every k-th history in sorted order: the choice is the same in each run.
        kept = np.linspace(0, len(rows) - 1, _SCREEN_ROWS).astype(np.int64)
        screen = split(rows[kept], weight[kept])
        start = min((_minimise(np.array(start), screen) for start in _STARTS), key=lambda found: found[1])[0]
        best = _minimise(start, histories, _curvature(start, screen))
    theta, value = best
    if np.any(np.abs(theta) > _AT_INFINITY):
        names = ("r", "alpha", "a", "b")
        lost = ", ".join(n for n, t in zip(names, theta, strict=True) if abs(t) > _AT_INFINITY)
        raise NotIdentifiedError(
            f"The purchase histories do not identify BG/NBD: {lost} runs to the edge of the possible "
            "(customers hardly ever leave, or all buy alike)."
        )
    r, alpha, a, b = np.exp(theta)
    # Rescaling divides the density of each repeat purchase by the time unit.
    log_likelihood = -value - float(x.sum()) * np.log(scale)
    return BgNbd(float(r), float(alpha * scale), float(a), float(b), float(log_likelihood))


def negative_log_likelihood(theta: FloatArray, histories: Histories) -> tuple[float, FloatArray]:
    """−ln L of equation (6) and its gradient in the logs of (r, α, a, b)."""
    r, alpha, a, b = np.exp(theta)
    once, again = histories.once, histories.again
    total = float(once.weight.sum() + again.weight.sum())
    ln_T = np.log(alpha + once.T)
    value = total * r * np.log(alpha) - r * float(np.dot(once.weight, ln_T))
    d_r = total * np.log(alpha) - float(np.dot(once.weight, ln_T))
    d_alpha = total * r / alpha - r * float(np.dot(once.weight, 1.0 / (alpha + once.T)))

    # With repeat purchases: ln of (left + alive), where u is alive over left; u cannot overflow, as
    # (α+T) ≥ (α+t_x). Blocks keep the intermediate arrays in the processor's cache.
    counts = again.counts
    ln_odds = np.log((b + counts - 1.0) / a)
    left_of_count = np.zeros(len(counts))
    for begin in range(0, len(again.x), _BLOCK):
        rows = slice(begin, begin + _BLOCK)
        weight, at = again.weight[rows], again.at[rows]
        until_T, until_t, power = alpha + again.T[rows], alpha + again.t_x[rows], r + again.x[rows]
        gap, weight_ln_t = np.log(until_T / until_t), weight * np.log(until_t)
        u = np.exp(ln_odds[at] - power * gap)
        left = weight / (1.0 + u)
        alive = weight - left
        value += float(weight @ np.log1p(u)) - float(power @ weight_ln_t)
        d_r -= float(weight_ln_t.sum() + alive @ gap)
        d_alpha -= float(power @ (alive / until_T + left / until_t))
        left_of_count += np.bincount(at, weights=left, minlength=len(counts))
    by_count = gammaln(r + counts) - gammaln(r) + betaln(a, b + counts) - betaln(a, b) - ln_odds
    of_count = again.weight_of_count
    value += float(of_count @ by_count)
    d_r += float(of_count @ (digamma(r + counts) - digamma(r)))
    both = digamma(a + b) - digamma(a + b + counts)
    d_a = float(of_count @ both) + float(left_of_count.sum()) / a
    d_b = float(of_count @ (both + digamma(b + counts) - digamma(b)))
    d_b -= float(left_of_count @ (1.0 / (b + counts - 1.0)))
    gradient = np.array([d_r * r, d_alpha * alpha, d_a * a, d_b * b])
    return -value, -gradient


def _minimise(
    start: FloatArray, histories: Histories, curvature: FloatArray | None = None
) -> tuple[FloatArray, float]:
    """L-BFGS-B on the mean loss. With a curvature, steps are taken in coordinates in which it is round."""
    customers = float(histories.once.weight.sum() + histories.again.weight.sum())
    towards = np.eye(4) if curvature is None else np.linalg.inv(np.linalg.cholesky(curvature)).T

    def mean_loss(step: FloatArray) -> tuple[float, FloatArray]:
        theta = start + towards @ step
        inside = np.clip(theta, -_BOUND, _BOUND)
        value, gradient = negative_log_likelihood(inside, histories)
        # Outside the bounds the loss is flat, so that nothing overflows while a parameter runs away.
        return value / customers, towards.T @ np.where(inside == theta, gradient, 0.0) / customers

    result = minimize(
        mean_loss,
        np.zeros(4),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 500, "ftol": 1e-12, "gtol": 1e-7},
    )
    return np.clip(start + towards @ result.x, -_BOUND, _BOUND), float(result.fun) * customers


def _curvature(theta: FloatArray, histories: Histories) -> FloatArray | None:
    """Hessian of the mean loss by differences of its gradient; None where it is not convex."""
    customers = float(histories.once.weight.sum() + histories.again.weight.sum())
    h = 1e-4
    columns = [
        (
            negative_log_likelihood(theta + h * e, histories)[1]
            - negative_log_likelihood(theta - h * e, histories)[1]
        )
        / (2 * h * customers)
        for e in np.eye(4)
    ]
    hessian = np.array(columns)
    hessian = (hessian + hessian.T) / 2
    return hessian if np.linalg.eigvalsh(hessian)[0] > 1e-9 else None


def _count_rows(x: FloatArray, t_x: FloatArray, T: FloatArray) -> tuple[FloatArray, FloatArray]:
    rows, inverse = distinct_rows(np.stack([x, t_x, T], axis=1))
    return rows, np.bincount(inverse, minlength=len(rows)).astype(np.float64)


def distinct_rows(rows: FloatArray) -> tuple[FloatArray, IntArray]:
    """Sorted distinct rows and the place of each row among them.

    Whole days fit into one integer key, which sorts several times faster than rows do.
    """
    base = [int(column.max()) + 1 if len(column) else 1 for column in rows.T]
    key = np.zeros(len(rows), dtype=np.int64)
    whole = bool(np.all(rows == np.floor(rows))) and float(np.prod(np.array(base, dtype=float))) < 2**62
    if whole:
        for column, size in zip(rows.T, base, strict=True):
            key = key * size + column.astype(np.int64)
        order = np.argsort(key, kind="stable")
    else:
        order = np.lexsort(rows.T[::-1])
    ordered = rows[order]
    first = np.ones(len(rows), dtype=bool)
    np.any(ordered[1:] != ordered[:-1], axis=1, out=first[1:])
    inverse = np.empty(len(rows), dtype=np.int64)
    inverse[order] = np.cumsum(first) - 1
    return ordered[first], inverse


def _check(x: FloatArray, t_x: FloatArray, T: FloatArray) -> None:
    if not (np.isfinite(x).all() and np.isfinite(t_x).all() and np.isfinite(T).all()):
        raise ValueError("purchase histories must be finite numbers")
    if np.any((x < 0) | (t_x < 0) | (t_x > T)) or np.any((x == 0) & (t_x > 0)):
        raise ValueError("purchase histories must satisfy x ≥ 0, 0 ≤ t_x ≤ T and t_x = 0 where x = 0")
    if len(x) < MIN_CUSTOMERS:
        raise NotIdentifiedError(f"{len(x)} customers are too few to fit BG/NBD (at least {MIN_CUSTOMERS}).")
    if not np.any(x > 0):
        raise NotIdentifiedError("Nobody has bought a second time, so BG/NBD cannot be fitted.")
    if T.mean() <= 0:
        raise NotIdentifiedError("No time has passed since the first purchases, so BG/NBD cannot be fitted.")
