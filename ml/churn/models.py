"""The ladder: recency rule, logistic regression, regularised gradient boosting; one interface for all.

A model maps a matrix of `DESIGN` columns to probabilities. Every step must earn its place out of time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from ml.data import FEATURES, BoolArray, FloatArray, numbers

RECENCY_RULE = "recency-rule"
GAP_FORMULA = "gap-formula"
LOGISTIC = "logistic"
BOOSTING = "histgb"
BLEND = "logistic-and-histgb"

DESIGN = (*FEATURES, "window_days")
"""The features, and the days a customer must stay away to have left."""
_SEED = 20250101


class ChurnModel(Protocol):
    """What each step of the ladder can do."""

    kind: str

    def fit(self, design: FloatArray, churned: BoolArray) -> None: ...

    def predict(self, design: FloatArray) -> FloatArray: ...

    def parameters(self) -> dict[str, Any]: ...


def design_matrix(features: pa.Table) -> FloatArray:
    """The features as a matrix, one column per name of DESIGN; unknown values are NaN."""
    return np.column_stack([numbers(features, name) for name in DESIGN])


def column(design: FloatArray, name: str) -> FloatArray:
    """One column by its name."""
    return np.asarray(design[:, DESIGN.index(name)])


@dataclass
class RecencyRule:
    """The lapse rate of customers who had been away as long: isotonic regression on the days away."""

    kind: str = RECENCY_RULE
    steps: IsotonicRegression = field(default_factory=lambda: IsotonicRegression(out_of_bounds="clip"))

    def fit(self, design: FloatArray, churned: BoolArray) -> None:
        self.steps.fit(column(design, "recency_days"), churned.astype(float))

    def predict(self, design: FloatArray) -> FloatArray:
        return np.asarray(self.steps.predict(column(design, "recency_days")))

    def parameters(self) -> dict[str, Any]:
        return {"recency_days": list(self.steps.X_thresholds_), "probability": list(self.steps.y_thresholds_)}


@dataclass
class GapFormula:
    """Without any history of labels: e^(−window / gap), the chance that a customer who buys every `gap` days
    on average stays away for the window. The gap is the usual one, or the present one where that is longer.
    """

    kind: str = GAP_FORMULA

    def fit(self, design: FloatArray, churned: BoolArray) -> None:
        """Nothing to learn."""

    def predict(self, design: FloatArray) -> FloatArray:
        usual = column(design, "median_gap_days")
        known = usual[np.isfinite(usual)]
        typical = float(np.median(known)) if len(known) else 1.0
        gap = np.maximum(np.where(np.isfinite(usual), usual, typical), column(design, "recency_days"))
        return np.exp(-column(design, "window_days") / np.maximum(gap, 1.0))

    def parameters(self) -> dict[str, Any]:
        return {}


@dataclass
class Logistic:
    """L2-regularised logistic regression on signed logarithms, standardised; unknown values have a flag."""

    kind: str = LOGISTIC
    _model: LogisticRegression = field(
        default_factory=lambda: LogisticRegression(C=0.1, max_iter=1000, tol=1e-8)
    )
    _mean: FloatArray = field(default_factory=lambda: np.empty(0))
    _spread: FloatArray = field(default_factory=lambda: np.empty(0))
    _fill: FloatArray = field(default_factory=lambda: np.empty(0))
    _used: BoolArray = field(default_factory=lambda: np.empty(0, dtype=bool))

    def fit(self, design: FloatArray, churned: BoolArray) -> None:
        logs = _signed_log(design)
        known = np.isfinite(logs)
        count = np.maximum(known.sum(axis=0), 1)
        self._fill = np.where(known, logs, 0.0).sum(axis=0) / count
        expanded = self._expand(design)
        self._mean, self._spread = expanded.mean(axis=0), expanded.std(axis=0)
        self._used = self._spread > 1e-9
        self._model.fit(self._standardise(expanded), churned)

    def predict(self, design: FloatArray) -> FloatArray:
        return np.asarray(self._model.predict_proba(self._standardise(self._expand(design)))[:, 1])

    def parameters(self) -> dict[str, Any]:
        names = np.array([*DESIGN, *(f"{name}_is_unknown" for name in DESIGN)], dtype=object)[self._used]
        return {
            "transformation": "sign(v) * ln(1 + |v|), unknown as the mean, then (v - mean) / spread",
            "intercept": float(self._model.intercept_[0]),
            "coefficients": dict(zip(names, self._model.coef_[0], strict=True)),
            "mean": dict(zip(names, self._mean[self._used], strict=True)),
            "spread": dict(zip(names, self._spread[self._used], strict=True)),
            "unknown_as": dict(zip(DESIGN, self._fill, strict=True)),
        }

    def _expand(self, design: FloatArray) -> FloatArray:
        logs = _signed_log(design)
        unknown = ~np.isfinite(logs)
        return np.hstack([np.where(unknown, self._fill, logs), unknown.astype(float)])

    def _standardise(self, expanded: FloatArray) -> FloatArray:
        scaled = (expanded[:, self._used] - self._mean[self._used]) / self._spread[self._used]
        # A value far outside what was seen in training must not decide alone.
        return np.clip(scaled, -5.0, 5.0)


_BOOSTING_SETTINGS: dict[str, Any] = {
    "max_iter": 150,
    "learning_rate": 0.05,
    "max_leaf_nodes": 8,
    "min_samples_leaf": 60,
    "l2_regularization": 5.0,
    "early_stopping": False,
}


@dataclass
class Boosting:
    """Small trees, strongly regularised: with library defaults boosting loses to the logistic regression."""

    kind: str = BOOSTING
    _model: HistGradientBoostingClassifier = field(
        default_factory=lambda: HistGradientBoostingClassifier(random_state=_SEED, **_BOOSTING_SETTINGS)
    )
    _used: BoolArray = field(default_factory=lambda: np.empty(0, dtype=bool))

    def fit(self, design: FloatArray, churned: BoolArray) -> None:
        # Columns that are unknown for everybody, or the same, cannot be cut into bins.
        known = np.isfinite(design)
        least, most = (
            np.where(known, design, np.inf).min(axis=0),
            np.where(known, design, -np.inf).max(axis=0),
        )
        self._used = least < most
        self._model.fit(design[:, self._used], churned)

    def predict(self, design: FloatArray) -> FloatArray:
        return np.asarray(self._model.predict_proba(design[:, self._used])[:, 1])

    def parameters(self) -> dict[str, Any]:
        return {
            "settings": _BOOSTING_SETTINGS,
            "seed": _SEED,
            "stored": "settings only; trained anew in each run",
        }


@dataclass
class Blend:
    """Mean of the logistic regression and boosting: their errors partly cancel."""

    kind: str = BLEND
    parts: tuple[ChurnModel, ...] = field(default_factory=lambda: (Logistic(), Boosting()))

    def fit(self, design: FloatArray, churned: BoolArray) -> None:
        for part in self.parts:
            part.fit(design, churned)

    def predict(self, design: FloatArray) -> FloatArray:
        return np.asarray(np.mean([part.predict(design) for part in self.parts], axis=0))

    def parameters(self) -> dict[str, Any]:
        return {part.kind: part.parameters() for part in self.parts}


def model_of(kind: str) -> ChurnModel:
    """An untrained model of this kind."""
    return Blend() if kind == BLEND else next(model for model in ladder() if model.kind == kind)


def ladder() -> list[ChurnModel]:
    """Untrained models, simplest first."""
    return [RecencyRule(), Logistic(), Boosting()]


def _signed_log(values: FloatArray) -> FloatArray:
    return np.sign(values) * np.log1p(np.abs(values))
