"""The two ways to predict a customer's value over a horizon, with the same inputs and outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.clv import bgnbd, gamma_gamma
from ml.clv.histories import RECENT_DAYS, PurchaseHistories
from ml.data import FloatArray

NAIVE = "naive-rate"
BG_NBD = "bgnbd-gammagamma"


@dataclass(frozen=True)
class Prediction:
    """Per customer: purchases, value (same unit as the histories), P(alive) or NaN where nobody can tell."""

    purchases: FloatArray
    value: FloatArray
    alive: FloatArray


def predict_naive(histories: PurchaseHistories, horizon_days: int) -> Prediction:
    """Mean of the rate of the last 13 weeks and the rate since the first purchase, times the horizon.

    A history shorter than 13 weeks counts as 13 weeks, lest one purchase yesterday become one every day.
    """
    days = np.maximum(histories.T, RECENT_DAYS)

    def over_horizon(recent: FloatArray, lifetime: FloatArray) -> FloatArray:
        return np.asarray((recent / RECENT_DAYS + lifetime / days) / 2.0 * horizon_days)

    return Prediction(
        over_horizon(histories.recent_occasions, histories.x + 1.0),
        over_horizon(histories.recent_value, histories.value),
        np.full(histories.size, np.nan),
    )


@dataclass(frozen=True)
class BgNbdGammaGamma:
    """How often (BG/NBD) times how much (gamma-gamma), taken as independent."""

    frequency: bgnbd.BgNbd
    money: gamma_gamma.GammaGamma

    def predict(self, histories: PurchaseHistories, horizon_days: int) -> Prediction:
        x, t_x, T = histories.x, histories.t_x, histories.T
        purchases = self.frequency.expected_purchases(float(horizon_days), x, t_x, T)
        value = purchases * self.money.expected_value(x + 1.0, histories.mean_value)
        # With one purchase the model's P(alive) is 1 by construction, which says nothing about the customer.
        alive = np.where(x > 0, self.frequency.probability_alive(x, t_x, T), np.nan)
        return Prediction(purchases, value, alive)

    @property
    def parameters(self) -> dict[str, Any]:
        f, m = self.frequency, self.money
        return {
            "bg_nbd": {"r": f.r, "alpha": f.alpha, "a": f.a, "b": f.b, "log_likelihood": f.log_likelihood},
            "gamma_gamma": {"p": m.p, "q": m.q, "v": m.v, "log_likelihood": m.log_likelihood},
            "unit_of_time": "day",
        }


def fit_bgnbd(histories: PurchaseHistories) -> BgNbdGammaGamma:
    """Fits both parts. Raises NotIdentifiedError with a sentence for people."""
    frequency = bgnbd.fit(histories.x, histories.t_x, histories.T)
    return BgNbdGammaGamma(frequency, gamma_gamma.fit(histories.x + 1.0, histories.mean_value))
