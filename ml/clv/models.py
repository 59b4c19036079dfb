"""The ways to predict a customer's value over a horizon, with the same inputs and outputs, simplest first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from ml.clv import bgnbd, gamma_gamma, two_part
from ml.clv.histories import RECENT_DAYS, PurchaseHistories
from ml.data import FloatArray

NAIVE = "naive-rate"
BG_NBD = "bgnbd-gammagamma"
TWO_PART = "two-part-histgb"
BLEND = "two-part-and-naive"
KINDS = (NAIVE, BG_NBD, TWO_PART, BLEND)


@dataclass(frozen=True)
class Prediction:
    """Per customer: purchases, value (same unit as the histories), P(alive) or NaN where nobody can tell, and
    the share of the purchases that falls into the first half of the horizon.
    """

    purchases: FloatArray
    value: FloatArray
    alive: FloatArray
    early_share: FloatArray


class ValueModel(Protocol):
    """What every fitted model can do."""

    @property
    def parameters(self) -> dict[str, Any]: ...

    def predict(self, histories: PurchaseHistories, horizon_days: int) -> Prediction: ...


@dataclass(frozen=True)
class NaiveRate:
    """Mean of the rate of the last 13 weeks and the rate since the first purchase, times the horizon."""

    @property
    def parameters(self) -> dict[str, Any]:
        return {"recent_days": RECENT_DAYS}

    def predict(self, histories: PurchaseHistories, horizon_days: int) -> Prediction:
        """A history shorter than 13 weeks counts as 13, lest one purchase yesterday become one every day."""
        days = np.maximum(histories.T, RECENT_DAYS)

        def over_horizon(recent: FloatArray, lifetime: FloatArray) -> FloatArray:
            return np.asarray((recent / RECENT_DAYS + lifetime / days) / 2.0 * horizon_days)

        return Prediction(
            over_horizon(histories.recent_occasions, histories.x + 1.0),
            over_horizon(histories.recent_value, histories.value),
            np.full(histories.size, np.nan),
            np.full(histories.size, 0.5),
        )


@dataclass(frozen=True)
class BgNbdGammaGamma:
    """How often (BG/NBD) times how much (gamma-gamma), taken as independent."""

    frequency: bgnbd.BgNbd
    money: gamma_gamma.GammaGamma

    @property
    def parameters(self) -> dict[str, Any]:
        f, m = self.frequency, self.money
        return {
            "bg_nbd": {"r": f.r, "alpha": f.alpha, "a": f.a, "b": f.b, "log_likelihood": f.log_likelihood},
            "gamma_gamma": {"p": m.p, "q": m.q, "v": m.v, "log_likelihood": m.log_likelihood},
            "unit_of_time": "day",
        }

    def predict(self, histories: PurchaseHistories, horizon_days: int) -> Prediction:
        x, t_x, T = histories.x, histories.t_x, histories.T
        purchases = self.frequency.expected_purchases(float(horizon_days), x, t_x, T)
        early = self.frequency.expected_purchases(horizon_days / 2.0, x, t_x, T)
        value = purchases * self.money.expected_value(x + 1.0, histories.mean_value)
        # With one purchase the model's P(alive) is 1 by construction, which says nothing about the customer.
        alive = np.where(x > 0, self.frequency.probability_alive(x, t_x, T), np.nan)
        share = np.divide(early, purchases, out=np.full(len(x), 0.5), where=purchases > 0)
        return Prediction(purchases, value, alive, share)


@dataclass(frozen=True)
class TwoPartValue:
    """The two-part model, for the horizon that it was trained on."""

    parts: two_part.TwoPart
    horizon_days: int

    @property
    def parameters(self) -> dict[str, Any]:
        return two_part.settings()

    def predict(self, histories: PurchaseHistories, horizon_days: int) -> Prediction:
        if horizon_days != self.horizon_days:
            raise ValueError(f"trained for {self.horizon_days} days, asked for {horizon_days}")
        purchases, value = self.parts.expected(histories)
        size = histories.size
        return Prediction(purchases, value, np.full(size, np.nan), np.full(size, 0.5))


@dataclass(frozen=True)
class Blend:
    """Mean of the two-part model and the naive rule: errors of the two partly cancel."""

    trees: TwoPartValue

    @property
    def parameters(self) -> dict[str, Any]:
        return {**self.trees.parameters, "weight_of_naive_rate": 0.5}

    def predict(self, histories: PurchaseHistories, horizon_days: int) -> Prediction:
        rule, trees = (m.predict(histories, horizon_days) for m in (NaiveRate(), self.trees))
        return replace(
            trees,
            purchases=(rule.purchases + trees.purchases) / 2.0,
            value=(rule.value + trees.value) / 2.0,
        )


def fit_bgnbd(histories: PurchaseHistories) -> BgNbdGammaGamma:
    """Fits both parts. Raises NotIdentifiedError with a sentence for people."""
    frequency = bgnbd.fit(histories.x, histories.t_x, histories.T)
    return BgNbdGammaGamma(frequency, gamma_gamma.fit(histories.x + 1.0, histories.mean_value))


def fit_two_part(examples: two_part.Examples, horizon_days: int) -> TwoPartValue:
    """Fits the trees. Raises NotIdentifiedError with a sentence for people."""
    return TwoPartValue(two_part.fit(examples), horizon_days)


def discount_factor(prediction: Prediction, horizon_days: int, rate_pct: float) -> FloatArray:
    """Present value of one unit of the predicted value, at a yearly rate in percent.

    Purchases are spread evenly within each half of the horizon; (1 + d)^(−t) is averaged over the half.
    """
    force = np.log1p(rate_pct / 100.0) / 365.0
    half = horizon_days / 2.0
    # Mean of exp(−force · t) over one half; −expm1 keeps its precision for small rates.
    first = 1.0 if force == 0 else float(-np.expm1(-force * half) / (force * half))
    second = first * float(np.exp(-force * half))
    return np.asarray(prediction.early_share * first + (1.0 - prediction.early_share) * second)
