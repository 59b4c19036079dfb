"""BG/NBD: the equations, known parameters, published figures, and data that identify nothing."""

import csv
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta

from ml.clv import bgnbd

TRUE = {"r": 0.6, "alpha": 40.0, "a": 0.8, "b": 3.0}


def simulate(n, r, alpha, a, b, rng, longest=900, shortest=60):
    """Histories by the model's own story: x, t_x, T in days, then true rate, dropout and who is alive."""
    rate, leave = rng.gamma(r, 1 / alpha, n), rng.beta(a, b, n)
    T = rng.integers(shortest, longest, n).astype(float)
    count, stays = rng.poisson(rate * T), rng.geometric(leave)
    x = np.minimum(count, stays).astype(float)
    after = np.where(stays <= count, count - stays + 1, 1)
    t_x = np.minimum(np.ceil(T * rng.beta(np.maximum(x, 1), after)), T)
    return x, np.where(x > 0, t_x, 0.0), T, rate, leave, stays > count


@pytest.fixture(scope="module")
def histories():
    return simulate(30_000, **TRUE, rng=np.random.default_rng(11))


def test_the_gradient_is_that_of_the_likelihood(histories):
    x, t_x, T = (v[:2_000] for v in histories[:3])
    grouped = bgnbd.group(x, t_x / 100, T / 100)
    for theta in np.random.default_rng(2).normal(0, 1, (5, 4)):
        _, gradient = bgnbd.negative_log_likelihood(theta, grouped)
        step = 1e-6
        for i in range(4):
            e = np.eye(4)[i] * step
            up, down = (bgnbd.negative_log_likelihood(theta + s * e, grouped)[0] for s in (1, -1))
            assert gradient[i] == pytest.approx((up - down) / (2 * step), rel=1e-4, abs=1e-3)


def test_the_likelihood_is_equation_6():
    from scipy.special import beta as B
    from scipy.special import gamma as G

    x, t_x, T = np.array([2.0, 0.0, 5.0]), np.array([30.0, 0.0, 70.0]), np.array([39.0, 39.0, 71.0])
    r, alpha, a, b = 0.3, 5.0, 0.8, 2.4
    expected = 0.0
    for xi, ti, Ti in zip(x, t_x, T, strict=True):
        value = B(a, b + xi) / B(a, b) * G(r + xi) * alpha**r / (G(r) * (alpha + Ti) ** (r + xi))
        if xi > 0:
            value += B(a + 1, b + xi - 1) / B(a, b) * G(r + xi) * alpha**r / (G(r) * (alpha + ti) ** (r + xi))
        expected += np.log(value)
    loss, _ = bgnbd.negative_log_likelihood(np.log([r, alpha, a, b]), bgnbd.group(x, t_x, T))
    assert -loss == pytest.approx(expected, rel=1e-12)


def test_known_parameters_are_recovered(histories):
    x, t_x, T = histories[:3]
    model = bgnbd.fit(x, t_x, T)
    for name, value in TRUE.items():
        assert getattr(model, name) == pytest.approx(value, rel=0.12), name


def test_the_unit_of_time_does_not_matter(histories):
    x, t_x, T = (v[:5_000] for v in histories[:3])
    days, hours = bgnbd.fit(x, t_x, T), bgnbd.fit(x, t_x * 24, T * 24)
    assert hours.alpha / 24 == pytest.approx(days.alpha, rel=1e-5)
    assert (hours.r, hours.a, hours.b) == pytest.approx((days.r, days.a, days.b), rel=1e-5)
    assert np.allclose(
        hours.expected_purchases(24 * 91, x, t_x * 24, T * 24),
        days.expected_purchases(91, x, t_x, T),
        rtol=1e-4,
    )


def test_expectations_meet_what_simulated_customers_do(histories):
    x, t_x, T, rate, leave, alive = histories
    rng = np.random.default_rng(5)
    model = bgnbd.BgNbd(**TRUE, log_likelihood=0.0)
    horizon = 180
    future = np.where(alive, np.minimum(rng.poisson(rate * horizon), rng.geometric(leave)), 0)
    expected = model.expected_purchases(horizon, x, t_x, T)
    assert expected.mean() == pytest.approx(future.mean(), rel=0.03)
    order = np.argsort(expected)
    for part in np.array_split(order, 8)[2:]:
        assert expected[part].mean() == pytest.approx(future[part].mean(), rel=0.12)
    p_alive = model.probability_alive(x, t_x, T)
    some = x > 0
    for part in np.array_split(np.flatnonzero(some)[np.argsort(p_alive[some])], 8):
        assert p_alive[part].mean() == pytest.approx(alive[part].mean(), abs=0.03)
    buys = model.probability_of_purchase(horizon, x, t_x, T)
    assert buys.mean() == pytest.approx((future > 0).mean(), rel=0.03)


@pytest.mark.parametrize("seed", range(4))
def test_purchases_while_alive_meet_the_integral_over_dropout(seed):
    """E = ∫ (1 − (1 + p t/(α+T))^−(r+x)) / p · Beta(p | a, b+x) dp, from E[Y | λ, p] = (1 − e^(−λpt)) / p."""
    rng = np.random.default_rng(seed)
    for number in range(25):
        r, alpha, a, b = np.exp(rng.uniform([-2, -2, -1, -1], [3, 4, 2, 3]))
        a, r = (1.0, r) if number % 5 == 0 else (a, r * 20) if number % 5 == 1 else (a, r)
        x, T, t = float(rng.integers(0, 80)), float(rng.uniform(0, 1000)), float(rng.choice([28, 91, 365]))

        def integrand(p, r=r, alpha=alpha, a=a, b=b, x=x, T=T, t=t):
            return -np.expm1(-(r + x) * np.log1p(p * t / (alpha + T))) / p * beta.pdf(p, a, b + x)

        exact = quad(integrand, 0, 1, limit=500, points=[1e-4, 1e-3, 1e-2, 0.1])[0]
        value = bgnbd.purchases_while_alive(np.array([x]), np.array([T]), t, r, alpha, a, b)[0]
        assert value == pytest.approx(exact, rel=2e-5), (r, alpha, a, b, x, T, t)


def test_heavy_and_new_customers_get_finite_figures():
    x = np.array([0.0, 1.0, 500.0, 3000.0, 0.0, 1.0])
    T = np.array([0.0, 1.0, 1000.0, 3000.0, 10_000.0, 10_000.0])
    t_x = np.array([0.0, 1.0, 999.0, 3000.0, 0.0, 1.0])
    for parameters in ((0.24, 4.4, 0.79, 2.4), (60.0, 500.0, 0.3, 0.6), (0.01, 0.01, 5.0, 0.2)):
        model = bgnbd.BgNbd(*parameters, log_likelihood=0.0)
        for values in (model.expected_purchases(365, x, t_x, T), model.probability_alive(x, t_x, T)):
            assert np.isfinite(values).all() and (values >= 0).all()
        assert (model.probability_alive(x, t_x, T) <= 1).all()


def test_grouping_keeps_every_customer():
    rows = np.array([[2, 30, 39], [0, 0, 39], [2, 30, 39], [2, 30.5, 39]], dtype=float)
    distinct, inverse = bgnbd.distinct_rows(rows)
    assert len(distinct) == 3
    assert np.array_equal(distinct[inverse], rows)
    whole = np.floor(rows)
    distinct, inverse = bgnbd.distinct_rows(whole)
    assert len(distinct) == 2 and np.array_equal(distinct[inverse], whole)


def test_few_customers_are_refused_with_a_sentence():
    with pytest.raises(bgnbd.NotIdentifiedError, match="12 customers are too few"):
        bgnbd.fit(np.ones(12), np.ones(12), np.full(12, 9.0))


def test_nobody_coming_back_is_refused_with_a_sentence():
    with pytest.raises(bgnbd.NotIdentifiedError, match="second time"):
        bgnbd.fit(np.zeros(500), np.zeros(500), np.full(500, 90.0))


def test_a_parameter_that_runs_away_is_refused_with_a_sentence():
    rng = np.random.default_rng(4)
    T = rng.integers(300, 900, 3_000).astype(float)
    x = rng.poisson(T / 30).astype(float)  # everybody buys alike and nobody ever leaves
    with pytest.raises(bgnbd.NotIdentifiedError, match="do not identify"):
        bgnbd.fit(x, np.where(x > 0, np.floor(T * 0.97), 0), T)


@pytest.mark.parametrize(
    ("x", "t_x", "T"), [(-1, 0, 9), (1, 10, 9), (0, 3, 9), (np.nan, 0, 9), (1, np.inf, np.inf)]
)
def test_impossible_histories_are_refused(x, t_x, T):
    with pytest.raises(ValueError, match="histories must"):
        bgnbd.fit(np.full(40, x), np.full(40, t_x), np.full(40, T))


def test_cdnow_gives_the_published_figures():
    found = importlib.util.find_spec("lifetimes")
    if found is None or found.origin is None:
        pytest.skip("the CDNOW data come with the PyPI package lifetimes, which is not installed")
    from ml.clv import gamma_gamma

    folder = Path(found.origin).parent / "datasets"

    def columns(name, *wanted):
        with (folder / name).open() as file:
            rows = list(csv.DictReader(file))
        return [np.array([float(row[c]) for row in rows]) for c in wanted]

    model = bgnbd.fit(*columns("cdnow_customers_summary.csv", "frequency", "recency", "T"))
    assert model.r == pytest.approx(0.243, abs=5e-4)
    assert model.alpha == pytest.approx(4.414, abs=1e-3)
    assert (model.a, model.b) == pytest.approx((0.793, 2.426), abs=1e-3)
    assert model.log_likelihood == pytest.approx(-9582.4, abs=0.05)
    money = gamma_gamma.fit(*columns("cdnow_customers_summary_with_transactions.csv", "x", "zbar"))
    assert (money.p, money.q, money.v) == pytest.approx((6.25, 3.74, 15.44), abs=0.01)
