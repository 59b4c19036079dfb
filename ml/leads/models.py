"""The source's conversion rate as baseline, a rule of points, and a logistic regression."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from ml.data import BoolArray, FloatArray
from ml.leads.dataset import FLAGS, Leads

LOGISTIC = "logistic"
SOURCE_RATE = "source-rate"
POINTS = "points-rule"

TERMS = ("source", "campaign", *FLAGS, "interest_count")
"""What a score is explained by."""

_PRIOR_WEIGHT = 20.0
_MIN_CAMPAIGN_LEADS = 30
_MAX_CAMPAIGNS = 20

RULE_POINTS: dict[str, float] = {
    "was_customer": 25, "has_phone": 20, "has_company": 15, "has_message": 15, "consent_email": 15,
    "has_address": 10,
}  # fmt: skip
"""Points of a lead that nothing has been learnt for yet; 5 more per interest up to three, capped at 100."""


@dataclass
class SourceRate:
    """Conversion rate per source, drawn to the overall rate by the weight of 20 leads."""

    overall: float = 0.0
    rates: dict[str, float] = field(default_factory=dict)

    def fit(self, leads: Leads, rows: BoolArray) -> None:
        converted, source = leads.converted[rows].astype(float), leads.source[rows]
        self.overall = float(converted.mean()) if len(converted) else 0.0
        self.rates = {}
        for name in sorted(set(source)):
            own = converted[source == name]
            self.rates[name] = float((own.sum() + _PRIOR_WEIGHT * self.overall) / (len(own) + _PRIOR_WEIGHT))

    def predict(self, leads: Leads) -> FloatArray:
        return np.array([self.rates.get(name, self.overall) for name in leads.source], dtype=np.float64)

    def parameters(self) -> dict[str, Any]:
        return {"overall": self.overall, "rates": self.rates, "prior_weight": _PRIOR_WEIGHT}


def points(leads: Leads) -> FloatArray:
    """Points from 0 to 100 by how complete and willing a lead is; the rule until there is enough history."""
    total = sum(value * leads.flag(name) for name, value in RULE_POINTS.items())
    return np.minimum(np.asarray(total, dtype=np.float64) + 5.0 * np.minimum(leads.interests, 3.0), 100.0)


def point_terms(leads: Leads) -> tuple[list[str], FloatArray]:
    """What each part adds to the points, with its description."""
    parts = [value * leads.flag(name).astype(float) for name, value in RULE_POINTS.items()]
    parts.append(5.0 * np.minimum(leads.interests, 3.0))
    return [*RULE_POINTS, "interest_count"], np.column_stack(parts)


@dataclass
class LeadLogistic:
    """L2-regularised logistic regression on source, frequent campaigns, flags and interests."""

    columns: list[str] = field(default_factory=list)
    _model: LogisticRegression = field(
        default_factory=lambda: LogisticRegression(C=0.5, max_iter=1000, tol=1e-8)
    )
    _mean: FloatArray = field(default_factory=lambda: np.empty(0))

    def fit(self, leads: Leads, rows: BoolArray) -> None:
        sources = sorted(set(leads.source[rows]))
        names, counts = np.unique(leads.campaign[rows].astype(str), return_counts=True)
        frequent = [(-n, c) for c, n in zip(names, counts, strict=True) if c and n >= _MIN_CAMPAIGN_LEADS]
        campaigns = [c for _, c in sorted(frequent)[:_MAX_CAMPAIGNS]]
        self.columns = [
            *(f"source={s}" for s in sources), *(f"campaign={c}" for c in campaigns),
            *FLAGS, "interest_count",
        ]  # fmt: skip
        design = self._design(leads)[rows]
        self._mean = design.mean(axis=0)
        self._model.fit(design - self._mean, leads.converted[rows])

    def predict(self, leads: Leads) -> FloatArray:
        return np.asarray(self._model.predict_proba(self._design(leads) - self._mean)[:, 1])

    def terms(self, leads: Leads) -> tuple[list[str], FloatArray]:
        """What source, campaign and each flag add to the log-odds, compared with the average lead."""
        columns = (self._design(leads) - self._mean) * self._model.coef_[0]
        kind = np.array([name.partition("=")[0] for name in self.columns])
        names = [name for name in TERMS if name in kind]
        return names, np.column_stack([columns[:, kind == name].sum(axis=1) for name in names])

    def parameters(self) -> dict[str, Any]:
        return {
            "intercept": float(self._model.intercept_[0]),
            "coefficients": dict(zip(self.columns, self._model.coef_[0], strict=True)),
            "mean": dict(zip(self.columns, self._mean, strict=True)),
        }

    def _design(self, leads: Leads) -> FloatArray:
        """A source or campaign that was not seen in training has no column: it counts as average."""
        parts = []
        for name in self.columns:
            kind, _, value = name.partition("=")
            if kind == "source" and value:
                parts.append((leads.source == value).astype(float))
            elif kind == "campaign" and value:
                parts.append((leads.campaign == value).astype(float))
            elif name == "interest_count":
                parts.append(np.log1p(leads.interests))
            else:
                parts.append(leads.flag(name).astype(float))
        return np.column_stack(parts)
