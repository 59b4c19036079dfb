"""Gamma-gamma: gradient, known parameters, shrinkage, and values that identify nothing."""

import numpy as np
import pytest

from ml.clv import gamma_gamma
from ml.clv.bgnbd import NotIdentifiedError


def sample(n=20_000, p=6.0, q=4.0, v=15.0, seed=3):
    rng = np.random.default_rng(seed)
    x = rng.integers(1, 12, n).astype(float)
    return x, rng.gamma(p * x, 1 / rng.gamma(q, 1 / v, n)) / x


def test_the_gradient_is_that_of_the_likelihood():
    values = gamma_gamma.values_of(*sample(500))
    for theta in np.random.default_rng(1).normal(0.5, 0.7, (4, 3)):
        _, gradient = gamma_gamma.negative_log_likelihood(theta, values)
        for i in range(3):
            e = np.eye(3)[i] * 1e-6
            up, down = (gamma_gamma.negative_log_likelihood(theta + s * e, values)[0] for s in (1, -1))
            assert gradient[i] == pytest.approx((up - down) / 2e-6, rel=1e-4, abs=1e-3)


def test_known_parameters_are_recovered():
    x, mean = sample()
    model = gamma_gamma.fit(x, mean)
    # p and v trade off against each other, so each alone is known to a tenth or two only.
    assert (model.p, model.q, model.v) == pytest.approx((6.0, 4.0, 15.0), rel=0.2)
    truth, _ = gamma_gamma.negative_log_likelihood(np.log([6.0, 4.0, 15.0]), gamma_gamma.values_of(x, mean))
    assert 0 <= model.log_likelihood + truth < 8
    assert model.population_mean == pytest.approx(30.0, rel=0.03)


def test_the_unit_of_money_does_not_matter():
    x, mean = sample(3_000)
    euro, cent = gamma_gamma.fit(x, mean), gamma_gamma.fit(x, 100 * mean)
    assert cent.v == pytest.approx(100 * euro.v, rel=1e-4)
    assert np.allclose(cent.expected_value(x, 100 * mean), 100 * euro.expected_value(x, mean), rtol=1e-5)


def test_own_mean_counts_more_with_more_purchases():
    model = gamma_gamma.GammaGamma(6.25, 3.74, 15.44, 0.0)
    few, many = model.expected_value(np.array([1.0, 50.0]), np.array([100.0, 100.0]))
    assert model.population_mean < few < many < 100
    assert model.expected_value(np.array([0.0]), np.array([np.nan]))[0] == pytest.approx(
        model.population_mean
    )
    assert model.expected_value(np.array([9.0]), np.array([-80.0]))[0] < 0


@pytest.mark.parametrize(
    ("mean", "sentence"),
    [(np.full(50, 20.0), "same mean value"), (np.full(50, -3.0), "too few"), (np.full(9, 20.0), "too few")],
)
def test_values_that_identify_nothing_are_refused_with_a_sentence(mean, sentence):
    with pytest.raises(NotIdentifiedError, match=sentence):
        gamma_gamma.fit(np.ones(len(mean)), mean)


def test_an_infinite_mean_is_refused():
    rng = np.random.default_rng(9)
    heavy = np.exp(np.exp(rng.normal(0, 1.2, 3_000)))
    with pytest.raises(NotIdentifiedError, match="do not identify"):
        gamma_gamma.fit(np.ones(3_000), heavy)
