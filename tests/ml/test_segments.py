"""Segments: scores, classes, frozen cut points, settings, awkward input."""

from datetime import date

import numpy as np
import pytest
from ml_world import AS_OF, SNAPSHOTS, Purchases, buy_till_leave, content, warehouse

from ml.segments import score
from ml.segments.rfm import CutPoints, Inputs, cut_points, segment
from ml.segments.settings import SETTINGS_FILE, Shares, load_settings
from stammkunde.config import Config
from stammkunde.errors import ConfigError


def run(connection, tmp_path, as_of=AS_OF, settings_file=SETTINGS_FILE):
    return score.run(connection, Config(), as_of, tmp_path / "models", settings_file)


@pytest.fixture(scope="module")
def purchases():
    return buy_till_leave(1_000)


def inputs(recency, frequency, monetary, yearly, tenure=None):
    import pyarrow as pa

    n = len(recency)
    arrays = [np.array(v, dtype=float) for v in (recency, frequency, monetary, yearly)]
    tenure = np.full(n, 500.0) if tenure is None else np.array(tenure, dtype=float)
    return Inputs(
        pa.array([f"c{i}" for i in range(n)]), arrays[0], tenure, arrays[1], *arrays[1:], "margin_amount"
    )


def test_scores_follow_the_cut_points_and_equal_values_score_alike():
    cuts = CutPoints((10, 20, 30, 40), (1, 2, 3, 4), (10, 20, 30, 40), 1000, 100)
    found = segment(
        inputs([1, 10, 11, 40, 41], [0, 1, 2, 4, 5], [-5, 10, 15, 40, 99], [1000, 999, 100, 99, -7]),
        cuts, load_settings(),
    )  # fmt: skip
    assert found.recency_score.tolist() == [5, 5, 4, 2, 1]
    assert found.frequency_score.tolist() == [1, 1, 2, 4, 5]
    assert found.monetary_score.tolist() == [1, 1, 2, 4, 5]


def test_class_a_are_the_fewest_who_bring_their_share():
    value = np.array([50, 30, 10, 5, 5, 0, -20.0])
    cuts = cut_points(inputs(np.arange(7), np.arange(7), value, value), Shares(a=60, b=35))
    assert (cuts.value_a, cuts.value_b) == (30, 5)


def test_every_customer_has_a_segment_and_a_strategy(purchases, tmp_path):
    connection = warehouse(purchases)
    result = run(connection, tmp_path)
    assert result.rows == 1_000
    assert [w.split(":")[0] for w in result.warnings] == [
        "Customer value of 2025-07-01 is not scored",
        "Churn of 2025-07-01 is not scored",
        "The baskets of 0 customers with purchases in the last year fall into no groups that other samples "
        "show again",
    ]
    broken = connection.execute(
        "select count(*) from ml.customer_segment where segment is null or strategy is null "
        "or value_class is null "
        "or least(recency_score, frequency_score, monetary_score) < 1 "
        "or greatest(recency_score, frequency_score, monetary_score) > 5"
    ).fetchone()
    assert broken == (0,)
    lapsed = connection.execute(
        "select count(*) filter ((recency_days > 365) != (segment = 'lapsed')) from ml.customer_segment "
        "join features.customer_features f using (customer_id) where f.snapshot_date = as_of_date"
    ).fetchone()
    assert lapsed == (0,)
    assert 45 <= result.metrics["value_share_pct_class_a"] <= 60
    assert result.metrics["next_period_value_share_pct_top_10"] > 20


def test_previous_segment_is_what_the_frozen_cuts_said_a_quarter_ago(purchases, tmp_path):
    connection = warehouse(purchases)
    run(connection, tmp_path, SNAPSHOTS[1])
    then = dict(connection.execute("select customer_id, segment from ml.customer_segment").fetchall())
    run(connection, tmp_path, AS_OF)
    now = connection.execute("select customer_id, previous_segment from ml.customer_segment").fetchall()
    assert {c: s for c, s in now if s is not None} == then
    assert any(s is None for _, s in now)


def test_cut_points_stay_until_a_new_release(purchases, tmp_path):
    connection = warehouse(purchases)
    first = run(connection, tmp_path)
    before = content(connection, "ml.customer_segment")
    connection.execute(
        "insert into features.customer_features select * replace ('n' || customer_id as customer_id, "
        "margin_amount_365 + 1e6 as margin_amount_365, margin_amount + 1e6 as margin_amount) "
        "from features.customer_features"
    )
    second = run(connection, tmp_path)
    assert second.model_version == first.model_version
    assert [row for row in content(connection, "ml.customer_segment") if row[0].startswith("c_")] == before
    released = tmp_path / "segments.yml"
    released.write_text(SETTINGS_FILE.read_text().replace("release: 1", "release: 2"))
    third = run(connection, tmp_path, settings_file=released)
    assert third.model_version.startswith("rfm-r2@")
    assert [row for row in content(connection, "ml.customer_segment") if row[0].startswith("c_")] != before


def test_an_earlier_day_does_not_use_later_cut_points(purchases, tmp_path):
    connection = warehouse(purchases)
    run(connection, tmp_path)
    early = run(connection, tmp_path, SNAPSHOTS[3])
    assert early.model_version.startswith(f"rfm-r1@{SNAPSHOTS[3]}")
    assert run(connection, tmp_path).model_version.startswith(f"rfm-r1@{AS_OF}")


def test_a_second_run_changes_nothing(purchases, tmp_path):
    connection = warehouse(purchases)
    run(connection, tmp_path)
    before = content(connection, "ml.customer_segment"), content(connection, "ml.model_report")
    run(connection, tmp_path)
    assert (content(connection, "ml.customer_segment"), content(connection, "ml.model_report")) == before


@pytest.mark.parametrize(
    "purchases",
    [
        Purchases(np.arange(12), np.arange(12) * 90, np.full(12, 10.0)),
        Purchases(np.arange(300), np.full(300, 1000), np.full(300, -10.0)),
        Purchases(np.arange(300), np.full(300, 1000), np.full(300, 10.0)),
        Purchases(np.arange(300), np.full(300, 100), np.full(300, 10.0)),
        Purchases(np.arange(300), np.full(300, 1000), np.r_[1e7, np.full(299, 1.0)]),
    ],
    ids=["twelve", "all returns", "constant", "everyone lapsed", "one whale"],
)
def test_awkward_input_is_segmented(purchases, tmp_path):
    connection = warehouse(purchases)
    result = run(connection, tmp_path)
    assert result.rows == len(purchases.customer)
    if result.rows == 12:
        assert "too few to freeze" in result.warnings[0]
    assert connection.execute(
        "select count(*) from ml.customer_segment where strategy is null"
    ).fetchone() == (0,)


def test_nobody_is_said(purchases, tmp_path):
    import duckdb

    for connection, as_of in ((warehouse(purchases), date(2020, 1, 1)), (duckdb.connect(), AS_OF)):
        result = run(connection, tmp_path, as_of)
        assert result.rows == 0 and "nobody to segment" in result.warnings[0]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("recency_days_min: 366", "recency_day_min: 366", "did you mean 'recency_days_min'"),
        ("{a: keep, b: grow, c: grow}", "{a: keep, b: grow, c: ignore}", "strategies.secure.c"),
        ("when: {}", "when: {recency_score_min: 1}", "must have no conditions"),
        ("- name: loyal", "- name: new", "used twice"),
        ("recency_score_max: 2", "recency_score_max: 9", "less than or equal to 5"),
        ("{a: 50, b: 40}", "{a: 50, b: 60}", "exceed 100"),
        ("medium: 0.3", "medium: 0.7", "below high"),
        ("release: 1", "release: [", "not valid YAML"),
    ],
)
def test_mistakes_in_the_settings_are_named(old, new, message, tmp_path):
    path = tmp_path / "segments.yml"
    text = SETTINGS_FILE.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigError, match=message.replace("(", r"\(")) as error:
        load_settings(path)
    assert str(path) in str(error.value)
