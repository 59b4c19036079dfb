"""Churn end to end: split by time, ladder, gate, reasons, leakage, determinism, awkward input."""

from datetime import date, timedelta

import numpy as np
import pytest
from ml_world import AS_OF, SNAPSHOTS, Purchases, buy_till_leave, content, warehouse

from ml.churn import score
from ml.churn.labels import load_sample, split_by_time
from ml.churn.models import Boosting, GapFormula, Logistic, RecencyRule, design_matrix
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
    assert result.model_version.split("@")[0] in ("logistic", "histgb") and not result.used_fallback
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


def test_probabilities_fit_what_happens_later(purchases, tmp_path):
    connection = warehouse(purchases)
    as_of = SNAPSHOTS[1]
    run(connection, tmp_path, as_of)
    rows = connection.execute(
        "select s.churn_probability, count(d.customer_id) = 0 from ml.customer_churn s "
        "left join features.customer_purchase_day d on s.customer_id = d.customer_id "
        "and d.purchase_date >= s.as_of_date and d.purchase_date < s.as_of_date + 91 "
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


def test_training_labels_are_known_when_the_test_begins():
    for horizon in (28, 91, 120, 180):
        split = split_by_time(SNAPSHOTS, AS_OF, horizon)
        assert split.test + timedelta(days=horizon) <= AS_OF
        assert split.train and all(day + timedelta(days=horizon) <= split.test for day in split.train)
        assert AS_OF not in split.complete
    assert split_by_time([AS_OF], AS_OF, 91).test is None


def test_labels_say_who_stayed_away():
    connection = warehouse(
        Purchases(
            np.array([0, 0, 1, 1, 2]), np.array([900, 1050, 900, 1094, 100]), np.array([9.0, 9, 9, 9, 9])
        )
    )
    sample = load_sample(connection, [SNAPSHOTS[1]], AS_OF, 91)  # day 1004
    assert sample.features["customer_id"].to_pylist() == ["c_0000000000000000", "c_0000000000000001"]
    assert sample.churned.tolist() == [False, False]
    assert load_sample(connection, [SNAPSHOTS[1]], AS_OF, 60).churned.tolist() == [False, True]


def test_an_open_label_window_is_refused(purchases):
    with pytest.raises(LeakageError, match="not known before"):
        load_sample(warehouse(purchases), [AS_OF], AS_OF, 91)


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
    design = np.tile(np.arange(20.0), (400, 1))
    design[:, 0] = np.linspace(0, 300, 400)
    design[::3, 11] = np.nan
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
    from ml.data import load_features

    features = load_features(warehouse(purchases), [AS_OF])
    design = design_matrix(features)
    assert (np.diff(GapFormula(91).predict(design[np.argsort(design[:, 0])][:, :])[-50:]) >= -1).all()
    one = design[:1].repeat(3, axis=0)
    one[:, 0], one[:, 11] = [10, 100, 400], 30.0
    assert np.allclose(GapFormula(91).predict(one), np.exp(-91 / np.array([30, 100, 400.0])))


def test_many_customers_are_thinned_to_the_same_ones_everywhere(purchases, monkeypatch):
    from ml.churn import labels

    connection = warehouse(purchases)
    everybody = labels.load_population(connection, SNAPSHOTS[1:3])
    monkeypatch.setattr(labels, "ENOUGH_ROWS", everybody.num_rows // 4)
    assert labels.thinning(connection, SNAPSHOTS[1:3]) == 4
    some = labels.load_population(connection, SNAPSHOTS[1:3], 4)
    assert 0.15 < some.num_rows / everybody.num_rows < 0.35
    first, second = (
        set(labels.load_population(connection, [day], 4)["customer_id"].to_pylist()) for day in SNAPSHOTS[1:3]
    )
    both = {*labels.load_population(connection, [SNAPSHOTS[1]])["customer_id"].to_pylist()} & {
        *labels.load_population(connection, [SNAPSHOTS[2]])["customer_id"].to_pylist()
    }
    assert first & both == second & both
