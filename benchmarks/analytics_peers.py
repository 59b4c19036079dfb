"""The same work by other libraries, for the analytics benchmark; nothing is done where they are absent."""

from __future__ import annotations

import importlib.util
import time
from typing import Any

import numpy as np

_REGULARISED: dict[str, Any] = {
    "n_estimators": 150, "learning_rate": 0.05, "num_leaves": 8, "min_child_samples": 60, "reg_lambda": 5.0,
    "random_state": 1, "n_jobs": 1, "verbose": -1,
}  # fmt: skip


def lightgbm_churn(train: np.ndarray, churned: np.ndarray, test: np.ndarray) -> dict[str, np.ndarray]:
    """Probabilities of LightGBM with the settings of our own boosting; empty without it."""
    if importlib.util.find_spec("lightgbm") is None:
        return {}
    from lightgbm import LGBMClassifier

    model = LGBMClassifier(**_REGULARISED).fit(train, churned)
    return {"lightgbm": np.asarray(model.predict_proba(test))[:, 1]}


def lifetimes_bgnbd(x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> None:
    """Prints the fit of lifetimes; says so where it cannot be imported."""
    try:
        from lifetimes import BetaGeoFitter
    except ImportError as error:
        print(f"lifetimes  not run: {error}")
        return
    began = time.perf_counter()
    model = BetaGeoFitter().fit(x, t_x, T)
    found = ", ".join(f"{name} {value:.3f}" for name, value in model.params_.items())
    print(f"lifetimes  {found}, log-likelihood {-model._negative_log_likelihood_ * len(x):.2f} "
          f"({time.perf_counter() - began:.2f} s)")  # fmt: skip
