"""Measures of predictions against what really happened; scikit-learn's where it has them.

Every function returns None where the measure is undefined (nobody, one class only, constant values), so that
no silent NaN reaches a report. Arrays are one-dimensional and of equal length.
"""

from __future__ import annotations

import numpy as np
from scipy import stats
from sklearn import metrics

from ml.data import BoolArray, FloatArray


def auc(actual: BoolArray, score: FloatArray) -> float | None:
    """Area under the ROC curve: the chance that a positive is ranked above a negative."""
    if not _two_classes(actual):
        return None
    return float(metrics.roc_auc_score(actual, score))


def average_precision(actual: BoolArray, score: FloatArray) -> float | None:
    """Area under the precision-recall curve; the base rate is what chance gives."""
    if not _two_classes(actual):
        return None
    return float(metrics.average_precision_score(actual, score))


def brier(actual: BoolArray, probability: FloatArray) -> float | None:
    """Mean squared error of a probability."""
    return float(np.mean((probability - actual) ** 2)) if len(actual) else None


def expected_calibration_error(actual: BoolArray, probability: FloatArray, bins: int = 10) -> float | None:
    """Mean gap between predicted probability and observed rate over bins of equally many rows."""
    if not len(actual):
        return None
    order = np.argsort(probability, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    gaps = [abs(probability[part].mean() - actual[part].mean()) * len(part) for part in parts if len(part)]
    return float(sum(gaps) / len(actual))


def lift(actual: BoolArray, score: FloatArray, share: float = 0.1) -> float | None:
    """Rate among the top `share` by score over the rate of all; equal scores are counted at their mean."""
    if not len(actual) or not np.any(actual):
        return None
    top = max(1, round(share * len(actual)))
    threshold = np.partition(score, -top)[-top]
    above, tied = score > threshold, score == threshold
    hits = float(actual[above].sum()) + (top - above.sum()) * float(actual[tied].mean())
    return float(hits / top / actual.mean())


def mean_absolute_error(actual: FloatArray, predicted: FloatArray) -> float | None:
    """In the unit of the values."""
    return float(np.mean(np.abs(actual - predicted))) if len(actual) else None


def aggregate_error_pct(actual: FloatArray, predicted: FloatArray) -> float | None:
    """How far the predicted sum is from the actual sum, in percent of the actual."""
    total = float(np.sum(actual))
    return None if total == 0 else 100.0 * (float(np.sum(predicted)) - total) / abs(total)


def spearman(actual: FloatArray, predicted: FloatArray) -> float | None:
    """Rank correlation."""
    if len(actual) < 3 or np.ptp(actual) == 0 or np.ptp(predicted) == 0:
        return None
    return float(stats.spearmanr(actual, predicted).statistic)


def normalised_gini(actual: FloatArray, predicted: FloatArray) -> float | None:
    """Gini of the actual values in predicted order, over the Gini in their own order (1 = perfect).

    The covariance form with mean ranks makes ties harmless.
    """
    if len(actual) < 3 or np.ptp(actual) == 0:
        return None
    best = np.cov(actual, stats.rankdata(actual))[0, 1]
    return float(np.cov(actual, stats.rankdata(predicted))[0, 1] / best)


def coverage(actual: FloatArray, low: FloatArray, high: FloatArray) -> float | None:
    """Share of actual values inside their interval."""
    return float(np.mean((actual >= low) & (actual <= high))) if len(actual) else None


def paired_difference(first: FloatArray, second: FloatArray) -> tuple[float, float, float] | None:
    """Mean of first − second over the same rows with its 95 % interval (normal, by the central limit)."""
    if len(first) < 2:
        return None
    difference = first - second
    mean = float(difference.mean())
    half = 1.959964 * float(difference.std(ddof=1)) / float(np.sqrt(len(difference)))
    return mean, mean - half, mean + half


def _two_classes(actual: BoolArray) -> bool:
    return bool(len(actual)) and bool(np.any(actual)) and not bool(np.all(actual))


def paired_auc(actual: BoolArray, first: FloatArray, second: FloatArray) -> tuple[float, float, float]:
    """AUC of the first score less that of the second on the same rows, with its 95 % interval.

    DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44(3), with mid-ranks as in Sun & Xu (2014), IEEE
    Signal Processing Letters 21(11). Both classes must be present.
    """
    positive, negative = np.flatnonzero(actual), np.flatnonzero(~actual)
    m, n = len(positive), len(negative)
    of_positives, of_negatives = np.empty((2, m)), np.empty((2, n))
    for row, score in enumerate((first, second)):
        ranks = stats.rankdata(score)
        # The share of the other class that each row is ranked above: the structural components.
        of_positives[row] = (ranks[positive] - stats.rankdata(score[positive])) / n
        of_negatives[row] = 1.0 - (ranks[negative] - stats.rankdata(score[negative])) / m
    mean = float(of_positives[0].mean() - of_positives[1].mean())
    variance = 0.0
    for parts, size in ((of_positives, m), (of_negatives, n)):
        if size > 1:
            variance += float(np.var(parts[0] - parts[1], ddof=1)) / size
    half = 1.959964 * float(np.sqrt(variance))
    return mean, mean - half, mean + half
