"""Two-part model of value: the chance of another purchase, times the value of those who do purchase.

Duan, N. et al. (1983), A Comparison of Alternative Models for the Demand for Medical Care, Journal of
Business & Economic Statistics 1(2). Both parts are boosted trees on what `PurchaseHistories` says of a
customer; they assume neither that rate and amount are independent nor that customers leave for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from ml.clv.bgnbd import NotIdentifiedError
from ml.clv.histories import RECENT_DAYS, PurchaseHistories
from ml.data import FloatArray

MIN_OF_EACH = 100
_SEED = 20250101
_SETTINGS: dict[str, Any] = {
    "max_iter": 100,
    "learning_rate": 0.06,
    "max_leaf_nodes": 8,
    "min_samples_leaf": 40,
    "l2_regularization": 5.0,
    "early_stopping": False,
    "random_state": _SEED,
}
# A single order of a thousand times the usual value must not shape the trees.
_WINSOR = 0.999

INPUTS = (
    "purchases", "recency_days", "tenure_days", "recency_over_gap", "recent_purchases", "active_weeks",
    "value_per_purchase", "value_28", "value_91", "value_364", "rate_91", "rate_lifetime",
)  # fmt: skip


def design(histories: PurchaseHistories) -> FloatArray:
    """The inputs as a matrix, one column per name of INPUTS; −1 where nobody can tell."""
    h = histories
    recency = h.T - h.t_x
    gap = np.divide(h.t_x, h.x, out=np.zeros(h.size), where=h.x > 0)
    overdue = np.where(h.x > 0, recency / np.maximum(gap, 1.0), -1.0)
    return np.column_stack(
        [
            h.x + 1.0, recency, h.T, overdue, h.recent_occasions, h.active_weeks,
            h.mean_value, h.value_28, h.recent_value, h.value_364, h.recent_value / RECENT_DAYS,
            h.value / np.maximum(h.T, RECENT_DAYS),
        ]
    )  # fmt: skip


@dataclass(frozen=True)
class Examples:
    """Histories as of past days with what came in the horizon after each; rows of several days stacked."""

    inputs: FloatArray
    occasions: FloatArray
    value: FloatArray

    @classmethod
    def stack(cls, parts: list[Examples]) -> Examples:
        return cls(
            np.vstack([p.inputs for p in parts]),
            np.concatenate([p.occasions for p in parts]),
            np.concatenate([p.value for p in parts]),
        )


@dataclass(frozen=True)
class TwoPart:
    """The fitted parts; predictions hold for the horizon that the examples cover."""

    buys: HistGradientBoostingClassifier
    amount: HistGradientBoostingRegressor
    often: HistGradientBoostingRegressor

    def expected(self, histories: PurchaseHistories) -> tuple[FloatArray, FloatArray]:
        """Purchases and value per customer over the horizon."""
        inputs = design(histories)
        chance = self.buys.predict_proba(inputs)[:, 1]
        return chance * np.maximum(self.often.predict(inputs), 1.0), chance * self.amount.predict(inputs)


def fit(examples: Examples) -> TwoPart:
    """Fits the parts. Raises NotIdentifiedError below 100 examples with and 100 without a purchase."""
    bought = examples.occasions > 0
    if min(int(bought.sum()), int((~bought).sum())) < MIN_OF_EACH:
        raise NotIdentifiedError(
            f"{int(bought.sum())} customers who came again and {int((~bought).sum())} who did not are too "
            f"few to train the two-part model (at least {MIN_OF_EACH} of each)."
        )
    value = examples.value[bought]
    low, high = np.quantile(value, (1.0 - _WINSOR, _WINSOR))
    buys = HistGradientBoostingClassifier(**_SETTINGS).fit(examples.inputs, bought)
    amount = HistGradientBoostingRegressor(**_SETTINGS).fit(
        examples.inputs[bought], np.clip(value, low, high)
    )
    often = HistGradientBoostingRegressor(loss="poisson", **_SETTINGS).fit(
        examples.inputs[bought], examples.occasions[bought]
    )
    return TwoPart(buys, amount, often)


def settings() -> dict[str, Any]:
    """What is needed to train the same trees again."""
    return {
        "settings": _SETTINGS,
        "inputs": list(INPUTS),
        "stored": "settings only; trained anew in each run",
    }
