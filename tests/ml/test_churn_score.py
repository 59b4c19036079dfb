"""Churn end to end: split by time, ladder, gate, reasons, leakage, determinism, awkward input."""

from datetime import date
from itertools import pairwise

import numpy as np
import pytest
from ml_world import AS_OF, SNAPSHOTS, Purchases, buy_till_leave, content, warehouse

from ml.churn import score
from ml.churn.backtest import Backtest, Origin
from ml.churn.labels import ChurnRules, load_rows, origins, thinning
from ml.churn.models import (
    BLEND,
    BOOSTING,
    DESIGN,
    LOGISTIC,
    RECENCY_RULE,
    Boosting,
    GapFormula,
    Logistic,
    RecencyRule,
    design_matrix,
)
from ml.data import LeakageError
from stammkunde.config import Config


def run(connection, tmp_path, as_of=AS_OF):
    return score.run(connection, Config(), as_of, tmp_path / "models")


@pytest.fixture(scope="module")
def purchases():
    return buy_till_leave(1_200)


def test_a_learnt_model_beats_the_recency_rule(purchases, tmp_path):
    connection = warehouse(purchases)
    result = run(connection, tmp_path)
    assert result.model_version.split("@")[0] in (LOGISTIC, BOOSTING, BLEND) and not result.used_fallback
    auc, rule = connection.execute(
        "select value, baseline_value from ml.model_report where metric = 'auc'"
    ).fetchone()
    assert auc > rule + 0.01
    assert result.metrics["ece"] < 0.08
    population, outside = connection.execute(
        "select count(*), count(*) filter (recency_days > 365) from ml.customer_churn "
        "join features.customer_features f using (customer_id) where f.snapshot_date = as_of_date"
    ).fetchone()
    assert population == result.rows > 500 and outside == 0
    broken, bands = connection.execute(
        "select count(*) filter (not churn_probability between 0 and 1 or reasons is null or reasons = ''), "
        "count(distinct risk_band) from ml.customer_churn"
    ).fetchone()
    assert broken == 0 and bands == 3
    alarms = connection.execute(
        "select alarm_rank, margin_at_risk_amount, risk_band from ml.customer_churn "
        "where alarm_rank is not null order by alarm_rank"
    ).fetchall()
    assert [rank for rank, _, _ in alarms] == list(range(1, len(alarms) + 1)) and len(alarms) > 50
    assert all(a[1] >= b[1] > 0 for a, b in pairwise(alarms)) and "low" not in {band for *_, band in alarms}


def test_probabilities_fit_what_happens_later(purchases, tmp_path):
    connection = warehouse(purchases)
    as_of = SNAPSHOTS[1]
    run(connection, tmp_path, as_of)
    rows = connection.execute(
        "select s.churn_probability, count(d.customer_id) = 0 from ml.customer_churn s "
        "left join features.customer_purchase_day d on s.customer_id = d.customer_id "
        "and d.purchase_date >= s.as_of_date and d.purchase_date < s.as_of_date + 91 where horizon_days = 91 "
        "group by s.customer_id, 1"
    ).fetchall()
    probability, left = np.array(rows, dtype=float).T
    assert probability.mean() == pytest.approx(left.mean(), abs=0.06)
    order = np.argsort(probability)
    quarter = len(order) // 4
    assert left[order[-quarter:]].mean() > left[order[:quarter]].mean() + 0.4


def test_reasons_tell_the_facts(purchases, tmp_path):
    connection = warehouse(purchases)
    run(connection, tmp_path)
    rows = connection.execute(
        "select reasons, recency_days, round(median_gap_days)::bigint from ml.customer_churn join "
        "features.customer_features f using (customer_id) where f.snapshot_date = as_of_date "
        "and median_gap_days is not null and reasons like '%last purchase%' and recency_days > 1"
    ).fetchall()
    assert len(rows) > 100
    for text, recency, gap in rows:
        assert f"last purchase {recency} days ago, usually every {gap}" in text


@pytest.mark.parametrize("gaps", [None, 2.0])
@pytest.mark.parametrize("horizon", [28, 91, 120])
def test_training_labels_are_known_when_the_test_begins(purchases, horizon, gaps):
    rows = load_rows(warehouse(purchases), SNAPSHOTS, AS_OF, ChurnRules(horizon, gaps))
    days = origins(SNAPSHOTS, AS_OF, horizon)
    assert 0 < len(days) <= 3 and days == sorted(days, reverse=True)
    for day in days:
        train, test = rows.known_by(day), rows.of(day, AS_OF)
        assert train.any() and test.any() and not (train & test).any()
        ends = rows.snapshot + rows.window_days
        assert ends[train].max() <= day.toordinal() and set(rows.snapshot[test]) == {day.toordinal()}
        assert ends[test].max() <= AS_OF.toordinal()
    assert not rows.of(AS_OF, AS_OF).any() and origins([AS_OF], AS_OF, 91) == []


def test_a_window_is_as_long_as_the_rhythm_asks():
    gaps = np.array([1.0, 45.5, 46.0, 91.0, 92.0, 400.0, np.nan])
    assert ChurnRules(91, 2.0).windows(gaps).tolist() == [91, 91, 182, 182, 273, 364, 182]
    assert ChurnRules(91).windows(gaps).tolist() == [91] * 7
    assert ChurnRules(400, 2.0).windows(np.array([1.0, 700.0])).tolist() == [400, 400]


def test_labels_say_who_stayed_away():
    connection = warehouse(
        Purchases(
            np.array([0, 0, 1, 1, 2]), np.array([900, 1050, 900, 1094, 100]), np.array([9.0, 9, 9, 9, 9])
        )
    )
    rows = load_rows(connection, [SNAPSHOTS[1]], AS_OF, ChurnRules(91))  # day 1004
    assert rows.features["customer_id"].to_pylist() == ["c_0000000000000000", "c_0000000000000001"]
    assert rows.churned.tolist() == [False, False] and rows.known_by(AS_OF).all()
    assert load_rows(connection, [SNAPSHOTS[1]], AS_OF, ChurnRules(60)).churned.tolist() == [False, True]
    assert not load_rows(connection, [SNAPSHOTS[1]], AS_OF, ChurnRules(92)).known_by(AS_OF).any()


def test_the_winner_is_surely_better_than_the_rule():
    rng = np.random.default_rng(3)

    def one(n, signal):
        churned = rng.random(n) < 0.3
        noise = {kind: rng.normal(size=n) for kind in (RECENCY_RULE, LOGISTIC, BOOSTING, BLEND)}
        strength = {RECENCY_RULE: 1.0, LOGISTIC: 1.0 + signal, BOOSTING: 1.0, BLEND: 1.0}
        return Origin(AS_OF, n, AS_OF, churned, {k: churned * strength[k] + v for k, v in noise.items()})

    clear = Backtest((one(3_000, 0.6), one(3_000, 0.6)))
    assert clear.winner == LOGISTIC and clear.gain(LOGISTIC)[1] > 0
    lucky = Backtest((one(120, 0.0), one(120, 0.0)))
    assert lucky.winner == RECENCY_RULE


def test_a_feature_that_knows_the_outcome_is_refused(purchases, tmp_path):
    connection = warehouse(purchases)
    connection.execute(
        "update features.customer_features f set nps_365 = (select count(*) from "
        "features.customer_purchase_day d where d.customer_id = f.customer_id and "
        "d.purchase_date >= f.snapshot_date and d.purchase_date < f.snapshot_date + 91)"
    )
    with pytest.raises(LeakageError, match="nps_365 alone tells who left"):
        run(connection, tmp_path)


def test_a_planted_future_feature_is_refused(purchases, tmp_path):
    connection = warehouse(purchases)
    connection.execute(
        "update features.customer_features set last_purchase_date = snapshot_date + 3 "
        "where customer_id like '%7' and snapshot_date = ?", [SNAPSHOTS[2]]
    )  # fmt: skip
    with pytest.raises(LeakageError, match="refuse to learn from the future"):
        run(connection, tmp_path)


def test_the_future_changes_nothing(purchases, tmp_path):
    connection, other = warehouse(purchases), warehouse(purchases)
    as_of = SNAPSHOTS[1]
    other.execute("delete from features.customer_purchase_day where purchase_date >= ?", [as_of])
    other.execute(
        "update features.customer_features set recency_days = 1, last_purchase_date = snapshot_date - 1 "
        "where snapshot_date > ?",
        [as_of],
    )
    run(connection, tmp_path / "a", as_of)
    run(other, tmp_path / "b", as_of)
    assert content(connection, "ml.customer_churn") == content(other, "ml.customer_churn")
    assert content(connection, "ml.model_report") == content(other, "ml.model_report")


def test_a_second_run_changes_nothing(purchases, tmp_path):
    connection = warehouse(purchases)
    connection.execute("set threads = 4")
    run(connection, tmp_path)
    before = content(connection, "ml.customer_churn"), content(connection, "ml.model_report")
    connection.execute("set threads = 1")
    run(connection, tmp_path)
    assert (content(connection, "ml.customer_churn"), content(connection, "ml.model_report")) == before


def test_constant_features_are_harmless():
    design = np.tile(np.arange(float(len(DESIGN))), (400, 1))
    design[:, 0] = np.linspace(0, 300, 400)
    design[::3, DESIGN.index("median_gap_days")] = np.nan
    churned = design[:, 0] + np.random.default_rng(1).normal(0, 60, 400) > 150
    for model in (RecencyRule(), Logistic(), Boosting()):
        model.fit(design, churned)
        probability = model.predict(design)
        assert np.isfinite(probability).all() and probability[-1] > probability[0]


def regulars(n, stop=None, every=30):
    days = np.arange(0, 1095 if stop is None else stop, every)
    return Purchases(np.repeat(np.arange(n), len(days)), np.tile(days, n), np.full(n * len(days), 20.0))


@pytest.mark.parametrize(
    ("purchases", "sentence", "kind"),
    [
        (regulars(12), "too few to train on", "recency-rule"),
        (regulars(400), "0 customers who left", "recency-rule"),
        (Purchases(np.arange(300), 1000 + np.arange(300) % 95, np.full(300, 9.0)), "fewer than two horizons",
         "recency-rule"),
        (Purchases(np.arange(50), 1050 + np.arange(50) % 40, np.full(50, 9.0)), "a formula and not learnt",
         "gap-formula"),
    ],
    ids=["twelve", "nobody leaves", "one horizon", "no label"],
)  # fmt: skip
def test_without_enough_history_a_rule_is_published_and_said(purchases, sentence, kind, tmp_path):
    connection = warehouse(purchases)
    result = run(connection, tmp_path)
    assert result.used_fallback and result.model_version.startswith(kind)
    assert any(sentence in w for w in result.warnings), result.warnings
    assert result.rows > 0
    assert connection.execute(
        "select count(*) from ml.customer_churn where not churn_probability between 0 and 1 or reasons = ''"
    ).fetchone() == (0,)


def test_everyone_churned_gives_a_sentence_and_no_rows(tmp_path):
    result = run(warehouse(regulars(400, stop=600)), tmp_path)
    assert result.rows == 0 and "nobody to score" in result.warnings[0]


def test_before_the_first_sale_and_without_tables(purchases, tmp_path):
    import duckdb

    assert run(warehouse(purchases), tmp_path, date(2020, 1, 1)).rows == 0
    connection = duckdb.connect()
    result = run(connection, tmp_path)
    assert result.rows == 0 and result.used_fallback
    assert content(connection, "ml.customer_churn") == []


def test_the_gap_formula_rises_with_the_gap(purchases):
    rows = load_rows(warehouse(purchases), [AS_OF], AS_OF, ChurnRules(91))
    one = design_matrix(rows.features)[:1].repeat(3, axis=0)
    one[:, DESIGN.index("recency_days")], one[:, DESIGN.index("median_gap_days")] = [10, 100, 400], 30.0
    assert np.allclose(GapFormula().predict(one), np.exp(-91 / np.array([30, 100, 400.0])))


def test_many_customers_are_thinned_to_the_same_ones_everywhere(purchases, monkeypatch):
    from ml.churn import labels

    connection, rules = warehouse(purchases), ChurnRules(91)
    everybody = load_rows(connection, SNAPSHOTS[1:3], AS_OF, rules)
    monkeypatch.setattr(labels, "ENOUGH_ROWS", everybody.size // 4)
    assert thinning(connection, SNAPSHOTS[1:3], 365) == 4
    some = load_rows(connection, SNAPSHOTS[1:3], AS_OF, rules, 4)
    assert 0.15 < some.size / everybody.size < 0.35

    def who(day, one_in=1):
        return {*load_rows(connection, [day], AS_OF, rules, one_in).features["customer_id"].to_pylist()}

    both = who(SNAPSHOTS[1]) & who(SNAPSHOTS[2])
    assert who(SNAPSHOTS[1], 4) & both == who(SNAPSHOTS[2], 4) & both
