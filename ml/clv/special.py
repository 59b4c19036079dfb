"""The hypergeometric part of the BG/NBD expectation, evaluated without overflow or cancellation."""

from __future__ import annotations

import numpy as np

from ml.data import FloatArray

_MAX_TERMS = 200_000
_PRECISION = 1e-13
_RESCALE = 1e250


def purchases_while_alive(
    x: FloatArray, T: FloatArray, horizon: float, r: float, alpha: float, a: float, b: float
) -> FloatArray:
    """Expected purchases in (T, T + horizon] of customers alive at T with x repeat purchases.

    It is the numerator of equation (10) of Fader, Hardie & Lee (2005),

        (a+b+x−1)/(a−1) · [1 − (1−z)^(r+x) ₂F₁(r+x, b+x; a+b+x−1; z)],  z = t/(α+T+t).

    Euler's transformation turns (1−z)^(r+x) ₂F₁ into (1−z)^(a−1) ₂F₁(a+b−r−1, a−1; a+b+x−1; z), whose terms
    shrink as x grows, and taking out its first term removes the poles at a = 1 and a + b + x = 1. Where
    r > a + b that series alternates; there the original, all positive, is summed with a running scale.
    Arrays of equal shape; the result is finite and not negative.
    """
    z = horizon / (alpha + T + horizon)
    log_rest = np.log1p(-z)
    if r <= a + b:
        phi = _expm1_ratio(a - 1.0, log_rest)
        series, _ = _series(a + b - r, np.full_like(z, a), a + b + x, z)
        value = (a + b + x - 1.0) * phi - np.exp((a - 1.0) * log_rest) * (a + b - r - 1.0) * z * series
    else:
        # The pole at a = 1 is lifted by a step whose effect is below 1e-8 of the result.
        shape = a if abs(a - 1.0) > 1e-7 else 1.0 + 1e-7
        c = shape + b + x - 1.0
        series, log_scale = _series(r + x + 1.0, b + x + 1.0, c + 1.0, z)
        log_weight = (r + x) * log_rest
        inner = (
            c * -np.expm1(log_weight)
            - np.exp(log_weight + log_scale + np.log(series)) * (r + x) * (b + x) * z
        )
        value = inner / (shape - 1.0)
    return np.maximum(value, 0.0)


def _expm1_ratio(power: float, log_rest: FloatArray) -> FloatArray:
    """(1 − (1−z)^power) / power, with its limit −ln(1−z) at power = 0."""
    if abs(power) < 1e-12:
        return -log_rest
    return np.asarray(-np.expm1(power * log_rest) / power)


def _series(
    p: FloatArray | float, q: FloatArray | float, c: FloatArray, z: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Σ (p)ₙ(q)ₙ / ((c)ₙ(2)ₙ) zⁿ as (sum, log of its scale); elements leave the loop as they converge."""
    p = np.broadcast_to(np.asarray(p, dtype=np.float64), z.shape)
    q = np.broadcast_to(np.asarray(q, dtype=np.float64), z.shape)
    total, scale = np.ones_like(z), np.zeros_like(z)
    active = np.arange(z.size)
    pa, qa, ca, za = p, q, c, z
    term, sums, logs = np.ones_like(z), np.ones_like(z), np.zeros_like(z)
    for n in range(_MAX_TERMS):
        ratio = (pa + n) * (qa + n) / ((ca + n) * (2.0 + n)) * za
        term = term * ratio
        sums = sums + term
        if n % 32 == 31:
            large = sums > _RESCALE
            if large.any():
                shrink = np.where(large, sums, 1.0)
                term, sums, logs = term / shrink, sums / shrink, logs + np.log(shrink)
            # The remainder of a series with falling ratio is at most term · ratio / (1 − ratio).
            done = (np.abs(ratio) < 1.0) & (
                np.abs(term) <= _PRECISION * np.abs(sums) * np.maximum(1.0 - np.abs(ratio), 1e-6)
            )
            if done.any():
                total[active[done]], scale[active[done]] = sums[done], logs[done]
                keep = ~done
                active, pa, qa, ca, za = active[keep], pa[keep], qa[keep], ca[keep], za[keep]
                term, sums, logs = term[keep], sums[keep], logs[keep]
                if active.size == 0:
                    return total, scale
    total[active], scale[active] = sums, logs
    return total, scale
