"""Classes and stages that hold still, what becomes of them over time, needs and profiles."""

from datetime import timedelta

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from ml_world import AS_OF, add_products, buy_till_leave, content, warehouse

from ml.churn import score as churn
from ml.clv import score as clv
from ml.segments import history, needs, score
from ml.segments.settings import STAGES, load_settings
from ml.segments.stages import LAPSED, LEAVING, NEW, SECURE, UNKNOWN, WAVERING, stages, value_classes
from stammkunde.config import Config

SETTINGS = load_settings()


def test_a_class_is_left_only_beyond_its_border():
    value = np.array([1000, 999, 860, 840, 1100, 1160, 100, 99, 86, 84, 114, 116, 5000], dtype=float)
    previous = np.array([UNKNOWN, UNKNOWN, 0, 0, 1, 1, UNKNOWN, UNKNOWN, 1, 1, 2, 2, 2])
    found = value_classes(value, (1000.0, 100.0), previous, 15.0)
    assert found.tolist() == [0, 1, 0, 1, 1, 0, 1, 2, 1, 2, 2, 1, 0]


def test_a_stage_is_left_only_beyond_its_band():
    risk = np.array([0.1, 0.3, 0.6, 0.34, 0.36, 0.26, 0.24, 0.56, 0.54, 0.64, np.nan, 0.9, 0.9, 0.9])
    previous = np.array(
        [UNKNOWN] * 3 + [SECURE] * 2 + [WAVERING] * 2 + [LEAVING] * 2 + [WAVERING] + [UNKNOWN] * 4
    )
    recency, tenure = np.full(14, 30.0), np.full(14, 500.0)
    tenure[11], recency[12], tenure[13] = 90.0, 366.0, 92.0
    found = stages(recency, tenure, risk, previous, SETTINGS)
    assert found.tolist() == [
        SECURE, WAVERING, LEAVING, SECURE, WAVERING, WAVERING, SECURE, LEAVING, WAVERING, WAVERING, SECURE,
        NEW, LAPSED, LEAVING,
    ]  # fmt: skip
    assert STAGES[LAPSED] == "lapsed"


def run_all(connection, tmp_path, as_of):
    for model in (clv, churn):
        model.run(connection, Config(), as_of, tmp_path / "models")
    return score.run(connection, Config(), as_of, tmp_path / "models")


def scores(connection):
    rows = connection.execute("select customer_id, value_class, stage from ml.customer_segment order by 1")
    return {customer: (value, stage) for customer, value, stage in rows.fetchall()}


@pytest.fixture(scope="module")
def two_weeks(tmp_path_factory):
    """Runs a week apart; nobody buys anything in between."""
    tmp_path = tmp_path_factory.mktemp("weeks")
    connection = warehouse(buy_till_leave(1_200, seed=6))
    before = AS_OF - timedelta(days=7)
    connection.execute("delete from features.customer_purchase_day where purchase_date >= ?", [before])
    connection.execute("insert into snapshot values (?)", [before])
    from ml_world import CUSTOMER_FEATURES

    connection.execute(CUSTOMER_FEATURES)
    add_products(connection)
    run_all(connection, tmp_path, before)
    first = scores(connection)
    result = run_all(connection, tmp_path, AS_OF)
    return connection, first, result, tmp_path


def test_most_stay_where_they_are_from_week_to_week(two_weeks):
    connection, first, result, _ = two_weeks
    second = scores(connection)
    kept = np.mean([second[customer] == state for customer, state in first.items()])
    assert kept >= 0.85
    assert result.metrics["kept_class_and_stage_pct"] == pytest.approx(100 * kept, abs=0.01)
    assert {stage for _, stage in second.values()} >= {"secure", "wavering", "leaving", "lapsed"}


def test_history_keeps_changes_and_forgets_repeated_days(two_weeks):
    connection, first, _, tmp_path = two_weeks
    before = content(connection, "ml.customer_segment_history")
    changed = sum(row[2] == AS_OF for row in before)
    assert 0 < changed < 0.4 * len(first)
    assert len([row for row in before if row[2] is None]) == len(scores(connection))
    score.run(connection, Config(), AS_OF, tmp_path / "models")
    assert content(connection, "ml.customer_segment_history") == before
    then = history.state_on(connection, AS_OF)
    assert dict(zip(then["customer_id"].to_pylist(), then["stage"].to_pylist(), strict=True)) == {
        customer: stage for customer, (_, stage) in first.items()
    }


def test_migration_counts_every_customer_and_all_money(two_weeks):
    connection, first, _, _ = two_weeks
    rows = connection.execute("select * from ml.customer_segment").to_arrow_table()
    members = pa.table(
        {
            "customer_id": rows["customer_id"], "value_class": rows["value_class"], "stage": rows["stage"],
            "margin_365": rows["current_value_amount"].cast(pa.float64()),
            "value": rows["potential_value_amount"].cast(pa.float64()),
        }
    )  # fmt: skip
    moved = history.migration(connection, AS_OF, members)
    assert sum(moved["customers"].to_pylist()) == rows.num_rows
    assert float(sum(moved["margin_365_amount"].to_pylist())) == pytest.approx(
        float(sum(rows["current_value_amount"].to_pylist()))
    )
    assert {f"{v} {s}" for v, s in first.values()} == set(moved["from_segment"].to_pylist()) - {None}
    assert history.migration(connection, AS_OF - timedelta(days=300), members).num_rows == 0


def test_profiles_sum_up_and_say_what_is_special(two_weeks):
    connection, *_ = two_weeks
    for view in ("value_stage", "segment"):
        customers, margin, worst, best = connection.execute(
            "select sum(customers), sum(margin_365_amount), sum(worst_amount), sum(best_amount) "
            "from ml.segment_profile where view = ?", [view],
        ).fetchone()  # fmt: skip
        total = connection.execute(
            "select count(*), sum(current_value_amount), sum(potential_value_amount) from ml.customer_segment"
        ).fetchone()
        assert customers == total[0] and float(margin) == pytest.approx(float(total[1]), rel=1e-3)
        assert worst < total[2] < best
    texts = connection.execute("select description from ml.segment_profile").fetchall()
    assert all("% of customers" in text for (text,) in texts)
    assert any("against the average: " in text for (text,) in texts)


def mix(n, groups, rng, noise=0.05):
    centres = np.eye(6)[:groups] if groups else np.full((1, 6), 1 / 6)
    shares = np.clip(centres[rng.integers(0, len(centres), n)] + rng.normal(0, noise, (n, 6)), 0, None)
    channels = np.tile([1.0, 0.0, 0.0], (n, 1))
    names = tuple(f"category {i}" for i in range(6)) + needs.CHANNELS
    return needs.Mix(pa.array([f"c{i:04}" for i in range(n)]), names, np.hstack([shares, channels]))


def test_needs_are_found_again_or_not_published():
    rng = np.random.default_rng(2)
    found = needs.find(mix(600, 4, rng), (3, 4, 5, 6))
    assert len(found.names) == 4 and found.stability > 0.95
    assert {name.split(",")[0] for name in found.names} == {f"category {i}" for i in range(4)}
    assert needs.find(mix(600, 0, rng), (3, 4, 5, 6)) is None
    assert needs.find(mix(100, 4, rng), (3, 4)) is None
    again = needs.Needs.from_json(found.as_json())
    sample = mix(50, 4, rng)
    assert again.assign(sample).tolist() == found.assign(sample).tolist()
    assert len(set(found.assign(sample).tolist())) == 4


def test_an_older_table_gets_its_new_columns():
    from ml.tables import ensure_tables

    connection = duckdb.connect()
    connection.execute("create schema ml")
    connection.execute("create table ml.customer_segment (customer_id varchar, segment varchar)")
    ensure_tables(connection)
    columns = [row[0] for row in connection.execute("describe ml.customer_segment").fetchall()]
    assert "stage" in columns
