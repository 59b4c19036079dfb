"""Hold-outs and effects: chance is not taken for an effect, a real one is found."""

import numpy as np
import pytest

from ml.measures.effect import customers_needed, detectable_difference, estimate
from ml.measures.holdout import is_held_out


def world(rng, customers):
    """Heavy-tailed spending with the usual link between before and after."""
    level = rng.lognormal(3.0, 0.8, customers)
    before, after = (level * rng.gamma(2.0, 0.5, customers) for _ in range(2))
    return before, after


def test_a_placebo_shows_no_effect():
    rng = np.random.default_rng(4)
    shown = covered = 0
    for number in range(1_000):
        before, after = world(rng, 1_200)
        held = is_held_out(f"placebo-{number}", [f"c{i}" for i in range(1_200)], 30.0)
        effect = estimate(after[~held], after[held], before[~held], before[held])
        shown += effect.is_shown
        covered += effect.low <= 0.0 <= effect.high
    assert covered == 1_000 - shown
    # 950 are promised; 936 is two standard errors below.
    assert covered >= 936


def test_a_real_effect_is_found_as_often_as_promised():
    rng = np.random.default_rng(5)
    before, after = world(rng, 200_000)
    lift = 0.1 * float(after.mean())
    explained = float(np.corrcoef(before, after)[0, 1] ** 2)
    size = customers_needed(lift, 50.0, float(after.std()), explained, power=0.8)
    assert 300 < size < customers_needed(lift, 50.0, float(after.std()), power=0.8)
    found, sums = 0, 0.0
    for number in range(600):
        before, after = world(rng, size)
        held = is_held_out(f"c-{number}", [str(i) for i in range(size)], 50.0)
        effect = estimate(after[~held] + lift, after[held], before[~held], before[held])
        found += effect.low > 0
        sums += effect.difference
    assert 0.75 <= found / 600 <= 0.86
    assert sums / 600 == pytest.approx(lift, rel=0.06)


def test_the_past_narrows_the_interval():
    rng = np.random.default_rng(6)
    before, after = world(rng, 4_000)
    held = np.arange(4_000) % 2 == 0
    plain = estimate(after[~held], after[held], np.zeros(2_000), np.zeros(2_000))
    better = estimate(after[~held], after[held], before[~held], before[held])
    assert better.high - better.low < 0.9 * (plain.high - plain.low)
    assert plain.explained == 0.0 and better.explained > 0.2
    assert plain.difference == pytest.approx(after[~held].mean() - after[held].mean())


def test_the_draw_is_repeatable_fair_and_independent():
    customers = [f"c_{i:016x}" for i in range(20_000)]
    first = is_held_out("spring", customers, 10.0)
    assert np.array_equal(first, is_held_out("spring", customers, 10.0))
    assert first.mean() == pytest.approx(0.1, abs=0.007)
    assert not np.any(first & ~is_held_out("spring", customers, 20.0))
    both = first & is_held_out("autumn", customers, 10.0)
    assert both.mean() == pytest.approx(0.01, abs=0.003)
    assert not is_held_out("spring", customers, 0.0).any()


def test_nothing_is_claimed_of_too_few_or_of_nothing():
    many, few = np.ones(100), np.ones(29)
    assert estimate(many, few, many, few) is None
    same = estimate(many, many, many, many)
    assert (same.difference, same.low, same.high, same.is_shown) == (0.0, 0.0, 0.0, False)
    with pytest.raises(ValueError, match="difference of nothing"):
        customers_needed(0.0, 50.0, 1.0)


def test_sizes_and_differences_are_each_others_inverse():
    size = customers_needed(2.0, 20.0, 30.0, 0.3, 0.9)
    assert detectable_difference(size, 20.0, 30.0, 0.3, 0.9) <= 2.0
    assert detectable_difference(size - 1, 20.0, 30.0, 0.3, 0.9) > 2.0
