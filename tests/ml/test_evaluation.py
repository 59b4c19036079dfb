"""Measures: known values, ties, and None instead of NaN where they are undefined."""

import numpy as np
import pytest

from ml import evaluation

YES = np.array([True, False, True, False])


def test_known_values():
    score = np.array([0.9, 0.8, 0.4, 0.1])
    assert evaluation.auc(YES, score) == pytest.approx(0.75)
    assert evaluation.average_precision(YES, score) == pytest.approx((1 + 2 / 3) / 2)
    assert evaluation.brier(YES, score) == pytest.approx((0.01 + 0.64 + 0.36 + 0.01) / 4)
    assert evaluation.lift(YES, score, 0.25) == pytest.approx(2.0)
    actual, predicted = np.array([10.0, 0, 30]), np.array([8.0, 1, 25])
    assert evaluation.mean_absolute_error(actual, predicted) == pytest.approx(8 / 3)
    assert evaluation.aggregate_error_pct(actual, predicted) == pytest.approx(-15)
    assert evaluation.spearman(actual, predicted) == pytest.approx(1)
    assert evaluation.normalised_gini(actual, predicted) == pytest.approx(1)
    assert evaluation.normalised_gini(actual, -predicted) == pytest.approx(-1)
    assert evaluation.coverage(actual, actual - 1, actual) == 1


def test_calibration_error_of_a_calibrated_and_a_shifted_forecast():
    rng = np.random.default_rng(3)
    probability = rng.random(50_000)
    happened = rng.random(50_000) < probability
    assert evaluation.expected_calibration_error(happened, probability) < 0.01
    shifted = np.clip(probability + 0.2, 0, 1)
    assert evaluation.expected_calibration_error(happened, shifted) == pytest.approx(0.18, abs=0.01)


def test_equal_scores_count_at_their_mean():
    actual = np.array([True] * 5 + [False] * 15)
    same = np.ones(20)
    assert evaluation.lift(actual, same) == pytest.approx(1)
    assert evaluation.lift(actual[::-1], same) == pytest.approx(1)
    value = np.arange(10.0)
    assert evaluation.normalised_gini(value, np.ones(10)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("classes", [np.empty(0, bool), np.ones(4, bool), np.zeros(4, bool)])
def test_one_class_has_no_area(classes):
    score = np.linspace(0, 1, len(classes))
    assert evaluation.auc(classes, score) is None
    assert evaluation.average_precision(classes, score) is None


def test_constant_values_have_no_rank_measures():
    none, flat = np.empty(0), np.full(5, 3.0)
    assert evaluation.spearman(flat, np.arange(5.0)) is None
    assert evaluation.normalised_gini(flat, np.arange(5.0)) is None
    assert evaluation.aggregate_error_pct(np.zeros(3), np.ones(3)) is None
    for measure in (evaluation.mean_absolute_error, evaluation.brier, evaluation.expected_calibration_error):
        assert measure(none, none) is None


def test_paired_auc_agrees_with_bootstrap_and_holds_its_level():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(6)
    actual = rng.random(600) < 0.2
    shared = rng.normal(size=600)
    first, second = (np.round(actual * s + shared + rng.normal(size=600), 1) for s in (1.5, 0.8))
    mean, low, high = evaluation.paired_auc(actual, first, second)
    assert mean == pytest.approx(roc_auc_score(actual, first) - roc_auc_score(actual, second), abs=1e-12)
    draws = []
    for _ in range(300):
        rows = np.concatenate([rng.choice(np.flatnonzero(actual == c), (actual == c).sum()) for c in (0, 1)])
        draws.append(roc_auc_score(actual[rows], first[rows]) - roc_auc_score(actual[rows], second[rows]))
    assert (high - low) / 3.92 == pytest.approx(np.std(draws), rel=0.15)
    assert evaluation.paired_auc(actual, first, first) == (0.0, 0.0, 0.0)
