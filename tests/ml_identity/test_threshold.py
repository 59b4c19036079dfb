"""The threshold follows what it is expected to bring."""

import numpy as np
import pytest

from ml.identity.weights.threshold import GRID, Pairs, calibrate, expect, sample


def pairs(probabilities, records=None):
    """Pairs (0, 1), (2, 3) … of these probabilities."""
    count = len(probabilities)
    probability = np.asarray(probabilities, dtype=float)
    sizes = np.ones(2 * count, dtype=np.int64) if records is None else np.asarray(records)
    a, b = np.arange(count) * 2, np.arange(count) * 2 + 1
    possible = float((sizes[a] * sizes[b]) @ probability + (sizes * (sizes - 1) / 2).sum())
    return Pairs(a, b, probability, np.zeros(count, dtype=bool), sizes, possible)


def test_precision_and_recall_are_those_of_the_probabilities():
    found = expect(pairs([0.9, 0.8, 0.4]), 0.5)
    assert found.precision == pytest.approx(0.85)
    assert found.recall == pytest.approx(1.7 / 2.1)


def test_records_of_one_content_count_as_often_as_they_are():
    found = expect(pairs([0.6], records=[3, 1]), 0.5)
    assert found.precision == pytest.approx((3 + 3 * 0.6) / 6)


def test_the_ends_of_a_chain_are_as_sure_as_its_weakest_link():
    a, b, probability = np.array([0, 1]), np.array([1, 2]), np.array([0.95, 0.7])
    chain = Pairs(a, b, probability, np.zeros(2, dtype=bool), np.ones(3, dtype=np.int64), 1.65)
    assert expect(chain, 0.5).precision == pytest.approx((0.95 + 0.7 + 0.7) / 3)


def test_doubtful_data_need_a_higher_threshold_than_clear_data():
    clear = pairs([0.999] * 2000 + [0.001] * 2000 + [0.6] * 10)
    doubtful = pairs([0.999] * 2000 + [0.55] * 400 + [0.72] * 400)
    assert calibrate(clear, 2.0).threshold <= 0.7
    assert calibrate(doubtful, 8.0).threshold > 0.7
    assert calibrate(doubtful, 8.0).precision > expect(doubtful, 0.5).precision


def test_a_handful_of_pairs_gets_the_middle():
    assert calibrate(pairs([0.6, 0.99]), 2.0).threshold == 0.7
    assert calibrate(pairs([]), 2.0).precision == 1.0


def test_a_sample_foretells_what_all_pairs_do():
    random = np.random.default_rng(1)
    everything = pairs(random.beta(0.3, 0.2, 400_000))
    part = sample(everything)
    assert len(part.a) < 250_000
    for threshold in (GRID[0], 0.9):
        whole, estimate = expect(everything, threshold), expect(part, threshold)
        assert estimate.precision == pytest.approx(whole.precision, abs=0.003)
        assert estimate.recall == pytest.approx(whole.recall, abs=0.003)
