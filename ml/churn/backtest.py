"""The ladder on past days: trained on labels known on the day, tested on the customers of that day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from ml import evaluation
from ml.churn.labels import Rows
from ml.churn.models import BLEND, BOOSTING, LOGISTIC, RECENCY_RULE, design_matrix, ladder
from ml.data import FEATURES, BoolArray, FloatArray, LeakageError, numbers

MIN_OF_EACH_CLASS = 100
MIN_TO_TEST = 10
_TOO_GOOD = 0.99
_ENOUGH_TO_TELL = 5_000


@dataclass(frozen=True)
class Origin:
    """One test day: who left, what each model of the ladder said, and how many rows it had learnt from."""

    day: date
    trained_rows: int
    first_snapshot: date
    churned: BoolArray
    predicted: dict[str, FloatArray]

    def auc(self, kind: str) -> float:
        """Area under the ROC curve; both classes are present by construction."""
        found = evaluation.auc(self.churned, self.predicted[kind])
        assert found is not None
        return round(found, 6)


@dataclass(frozen=True)
class Backtest:
    """The test days, latest first."""

    origins: tuple[Origin, ...]

    @property
    def latest(self) -> Origin:
        return self.origins[0]

    def mean_auc(self, kind: str) -> float:
        """Mean over the test days."""
        return float(np.mean([o.auc(kind) for o in self.origins]))

    def gain(self, kind: str) -> tuple[float, float, float]:
        """Mean AUC gained on the recency rule with a 95 % interval.

        The test days share customers, so their errors are taken as wholly dependent: the interval is as wide
        as the mean of the single ones, and not narrower for being measured again.
        """
        pairs = [
            evaluation.paired_auc(o.churned, o.predicted[kind], o.predicted[RECENCY_RULE])
            for o in self.origins
        ]
        mean, low, high = np.mean(np.array(pairs), axis=0)
        return float(mean), float(low), float(high)

    @property
    def contender(self) -> str:
        """The largest mean AUC of the learnt models; the simpler one on a tie."""
        return max((LOGISTIC, BOOSTING, BLEND), key=lambda kind: round(self.mean_auc(kind), 6))

    @property
    def winner(self) -> str:
        """The contender, if the interval of its gain on the recency rule lies above zero; else the rule."""
        return self.contender if self.gain(self.contender)[1] > 0.0 else RECENCY_RULE


def not_ready(rows: Rows, days: list[date], as_of: date, horizon_days: int) -> str | None:
    """Why nothing can be learnt and proved yet, as a sentence; None when it can."""
    if not days or not rows.known_by(days[0]).any():
        return (
            f"The history covers fewer than two horizons of {horizon_days} days, so there is no test "
            "out of time."
        )
    train = rows.churned[rows.known_by(days[0])]
    left, stayed = int(train.sum()), int((~train).sum())
    if min(left, stayed) < MIN_OF_EACH_CLASS:
        return (
            f"{left} customers who left and {stayed} who stayed are too few to train on "
            f"(at least {MIN_OF_EACH_CLASS} of each)."
        )
    test = rows.churned[rows.of(days[0], as_of)]
    left, stayed = int(test.sum()), int((~test).sum())
    if min(left, stayed) < MIN_TO_TEST:
        return (
            f"{left} customers who left and {stayed} who stayed after {days[0]} are too few to test on "
            f"(at least {MIN_TO_TEST} of each)."
        )
    return None


def run_backtest(rows: Rows, days: list[date], as_of: date) -> Backtest:
    """Runs the ladder on each day that has enough rows on both sides; the latest has (`not_ready`)."""
    design = design_matrix(rows.features)
    found = []
    for day in days:
        train, test = rows.known_by(day), rows.of(day, as_of)
        if any(
            min(int(rows.churned[part].sum()), int((~rows.churned[part]).sum())) < least
            for part, least in ((train, MIN_OF_EACH_CLASS), (test, MIN_TO_TEST))
        ):
            continue
        refuse_giveaways(rows, train)
        predicted = {}
        for model in ladder():
            model.fit(design[train], rows.churned[train])
            predicted[model.kind] = np.clip(model.predict(design[test]), 0.0, 1.0)
        predicted[BLEND] = (predicted[LOGISTIC] + predicted[BOOSTING]) / 2.0
        first = date.fromordinal(int(rows.snapshot[train].min()))
        found.append(Origin(day, int(train.sum()), first, rows.churned[test], predicted))
    return Backtest(tuple(found))


def refuse_giveaways(rows: Rows, train: BoolArray) -> None:
    """Raises LeakageError for a feature that alone tells who left: it knows the outcome, not the past.

    Windows are looked at one by one, each in at most 5,000 rows, at even distances.
    """
    for window in np.unique(rows.window_days[train]):
        mine = np.flatnonzero(train & (rows.window_days == window))
        mine = mine[np.linspace(0, len(mine) - 1, min(len(mine), _ENOUGH_TO_TELL)).astype(np.int64)]
        left = rows.churned[mine]
        if min(int(left.sum()), int((~left).sum())) < MIN_TO_TEST:
            continue
        for name in FEATURES:
            values = np.nan_to_num(numbers(rows.features, name)[mine], nan=-1.0)
            area = evaluation.auc(left, values)
            if area is not None and max(area, 1.0 - area) > _TOO_GOOD:
                raise LeakageError(
                    f"features.customer_features.{name} alone tells who left (AUC "
                    f"{max(area, 1.0 - area):.3f}): it must come from after the snapshot, so the models "
                    "refuse to learn from it."
                )
