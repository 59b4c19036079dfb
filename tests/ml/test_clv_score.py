"""Customer value end to end: winner, fallbacks, leakage, determinism, awkward input."""

from datetime import date, timedelta

import numpy as np
import pytest
from ml_world import AS_OF, Purchases, buy_till_leave, content, warehouse

from ml.clv import score
from ml.clv.histories import choose_basis, load_actual, load_histories
from ml.clv.intervals import Intervals
from ml.clv.models import NaiveRate
from stammkunde.config import Config


def run(connection, tmp_path, as_of=AS_OF):
    return score.run(connection, Config(), as_of, tmp_path / "models")


@pytest.fixture(scope="module")
def purchases():
    return buy_till_leave(1_500)


def test_the_model_wins_where_its_story_is_true(purchases, tmp_path):
    connection = warehouse(purchases)
    result = run(connection, tmp_path)
    assert result.model_version.startswith("bgnbd-gammagamma@2025-07-01-")
    assert not result.used_fallback and result.rows == 1_500
    rows = connection.execute("select metric, value, baseline_value, passed from ml.model_report").fetchall()
    report = {metric: rest for metric, *rest in rows}
    assert {"mae", "spearman", "normalised_gini", "aggregate_error_pct"} <= set(report)
    assert report["mae"][0] < report["mae"][1] and report["mae"][2] is True
    assert 75 <= report["interval_coverage_pct"][0] <= 97
    low, high, negative = connection.execute(
        "select min(clv_amount - clv_low_amount), min(clv_high_amount - clv_amount), "
        "count(*) filter (clv_amount is null or not isfinite(clv_amount::double)) from ml.customer_clv"
    ).fetchone()
    assert low >= 0 and high >= 0 and negative == 0
    once = connection.execute(
        "select count(*), count(alive_probability) from ml.customer_clv join features.customer_features "
        "using (customer_id) where snapshot_date = as_of_date and purchase_days = 1"
    ).fetchone()
    assert once[0] > 0 and once[1] == 0
    assert (tmp_path / "models" / "clv" / f"{result.model_version}.json").exists()


def test_a_second_run_changes_nothing(purchases, tmp_path):
    connection = warehouse(purchases)
    run(connection, tmp_path)
    before = content(connection, "ml.customer_clv"), content(connection, "ml.model_report")
    files = sorted(p.name for p in (tmp_path / "models").rglob("*"))
    run(connection, tmp_path)
    assert (content(connection, "ml.customer_clv"), content(connection, "ml.model_report")) == before
    assert sorted(p.name for p in (tmp_path / "models").rglob("*")) == files


def test_the_future_changes_nothing(purchases, tmp_path):
    connection, other = warehouse(purchases), warehouse(purchases)
    as_of = AS_OF - timedelta(days=91)
    other.execute("update features.customer_purchase_day set net_amount = 7 * net_amount, margin_amount = 0 "
                  "where purchase_date >= ?", [as_of])  # fmt: skip
    other.execute(
        "delete from features.customer_purchase_day where purchase_date > ?", [as_of + timedelta(days=9)]
    )
    run(connection, tmp_path / "a", as_of)
    run(other, tmp_path / "b", as_of)
    assert content(connection, "ml.customer_clv") == content(other, "ml.customer_clv")
    assert content(connection, "ml.model_report") == content(other, "ml.model_report")


def test_unknown_margins_are_said(purchases, tmp_path):
    connection = warehouse(purchases, margin=False)
    result = run(connection, tmp_path)
    assert any("net amounts, not margins" in w for w in result.warnings)
    with_margin = warehouse(purchases)
    run(with_margin, tmp_path)
    total = "select sum(clv_amount)::double from ml.customer_clv"
    ratio = with_margin.execute(total).fetchone()[0] / connection.execute(total).fetchone()[0]
    assert ratio == pytest.approx(0.4, abs=0.02)


def test_a_few_unknown_margins_are_estimated_from_the_rate(purchases):
    connection = warehouse(purchases)
    connection.execute(
        "update features.customer_purchase_day set margin_amount = null where hash(customer_id) % 5 = 0"
    )
    basis = choose_basis(connection, AS_OF)
    assert basis.name == "margin_amount" and basis.margin_rate == pytest.approx(0.4, abs=1e-4)
    net = connection.execute("select sum(net_amount)::double from features.customer_purchase_day").fetchone()[
        0
    ]
    assert load_histories(connection, AS_OF, basis).value.sum() == pytest.approx(0.4 * net, rel=1e-4)


def test_returns_lower_the_value_and_are_no_occasion():
    connection = warehouse(
        Purchases(np.zeros(4, int), np.array([900, 950, 1000, 1090]), np.array([50, 40, -30, 20.0]))
    )
    histories = load_histories(connection, AS_OF, choose_basis(connection, AS_OF))
    assert (histories.x[0], histories.t_x[0], histories.T[0]) == (2, 190, 195)
    assert histories.value[0] == pytest.approx(0.4 * 80)
    _, actual = load_actual(connection, date(2025, 1, 1), AS_OF, choose_basis(connection, AS_OF))
    assert actual[0] == pytest.approx(0.4 * 30)


def test_the_naive_rule_is_what_it_says():
    connection = warehouse(Purchases(np.zeros(3, int), np.array([0, 1050, 1090]), np.array([100.0, 20, 30])))
    histories = load_histories(connection, AS_OF, choose_basis(connection, AS_OF))
    prediction = NaiveRate().predict(histories, 365)
    assert prediction.value[0] == pytest.approx(365 * 0.4 * (50 / 91 + 150 / 1095) / 2)
    assert prediction.purchases[0] == pytest.approx(365 * (2 / 91 + 3 / 1095) / 2)


def everybody(n, days, net=None):
    customer = np.repeat(np.arange(n), len(days))
    return Purchases(customer, np.tile(days, n), np.full(len(customer), 20.0) if net is None else net)


@pytest.mark.parametrize(
    ("purchases", "sentence"),
    [
        (None, "No customer bought anything before"),
        (everybody(12, [100, 300, 800]), "too short for a hold-out"),
        (Purchases(np.arange(400), np.arange(400) * 2, np.full(400, 30.0)), "second time"),
        (everybody(300, [700, 800], np.full(600, -5.0)), "only returned goods"),
        (everybody(300, [100, 400, 700, 1000]), "naive rule is published"),
    ],
    ids=["nobody", "twelve", "nobody repeats", "all returns", "all alike"],
)
def test_awkward_input_falls_back_with_a_sentence(purchases, sentence, tmp_path):
    connection = warehouse(purchases)
    result = run(connection, tmp_path)
    assert result.used_fallback and result.model_version.startswith("naive-rate@")
    assert any(sentence in w for w in result.warnings), result.warnings
    notes = connection.execute("select note from ml.model_report where note is not null").fetchall()
    assert any(sentence in note for (note,) in notes)
    rows, broken = connection.execute(
        "select count(*), count(*) filter (clv_amount is null or isnan(expected_purchases)) "
        "from ml.customer_clv"
    ).fetchone()
    buyers = [] if purchases is None else np.unique(purchases.customer[purchases.net > 0])
    assert rows == len(buyers) and broken == 0


def test_one_customer_with_most_of_the_revenue_is_said(purchases, tmp_path):
    net = np.where(purchases.customer == 3, 1e5, 1.0) * purchases.net
    result = run(warehouse(Purchases(purchases.customer, purchases.day, net)), tmp_path)
    assert any("One customer accounts for" in w for w in result.warnings)


def test_before_the_first_sale_there_is_nothing_to_say(purchases, tmp_path):
    result = run(warehouse(purchases), tmp_path, date(2020, 1, 1))
    assert result.rows == 0 and "No customer bought anything before 2020-01-01" in result.warnings[0]


def test_without_feature_tables_the_score_table_exists(tmp_path):
    import duckdb

    connection = duckdb.connect()
    assert run(connection, tmp_path).rows == 0
    assert content(connection, "ml.customer_clv") == []


def test_intervals_hold_what_they_promise():
    rng = np.random.default_rng(1)
    predicted = rng.gamma(2, 50, 8_000)
    actual = predicted * rng.gamma(2, 0.5, 8_000)
    learnt = Intervals.learn([(predicted[:4_000], actual[:4_000])], 91)
    low, high = learnt.of(predicted[4_000:], 91)
    inside = (actual[4_000:] >= low) & (actual[4_000:] <= high)
    assert inside.mean() == pytest.approx(0.8, abs=0.03)
    twice_low, twice_high = learnt.of(2 * predicted[4_000:], 182)
    assert np.allclose(twice_low, 2 * low) and np.allclose(twice_high, 2 * high)
