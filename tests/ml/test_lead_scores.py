"""Leads: the label, the split by time, gate, fallbacks, reasons, unseen sources."""

from datetime import date, timedelta

import duckdb
import numpy as np
import pytest
from ml_world import AS_OF, add_leads, content, warehouse

from ml.data import LeakageError
from ml.leads import score
from ml.leads.dataset import HORIZON_DAYS, load_leads, split_by_time
from ml.leads.models import LeadLogistic
from stammkunde.config import Config


def run(connection, tmp_path, as_of=AS_OF):
    return score.run(connection, Config(), as_of, tmp_path / "models")


@pytest.fixture
def connection():
    connection = warehouse(None)
    add_leads(connection)
    return connection


def test_a_learnt_score_beats_the_rate_of_the_source(connection, tmp_path):
    result = run(connection, tmp_path)
    assert result.model_version.startswith("logistic@") and result.rows == 4_000
    auc, rate = connection.execute(
        "select value, baseline_value from ml.model_report where metric = 'auc'"
    ).fetchone()
    assert auc > rate + 0.03
    graded = connection.execute(
        "select grade, avg(conversion_probability), avg((converted_at is not null)::integer), "
        "min(score), max(score) "
        "from ml.lead_score join features.lead_features using (lead_id) group by grade order by grade"
    ).fetchall()
    assert [row[0] for row in graded] == ["A", "B", "C", "D"]
    assert all(graded[i][2] > graded[i + 1][2] for i in range(3))
    assert graded[0][3] >= 80 and graded[3][4] < 20
    text = connection.execute(
        "select reasons from ml.lead_score join features.lead_features using (lead_id) "
        "where lead_source = 'referral' and has_phone limit 1"
    ).fetchone()[0]
    assert "+ source referral converts" in text and "+ left a phone number" in text


def test_labels_wait_until_their_window_has_closed(connection):
    leads = load_leads(connection, AS_OF)
    split = split_by_time(leads, AS_OF)
    captured = AS_OF.toordinal() - leads.age_days
    assert (captured[split.train] + HORIZON_DAYS <= split.test_from.toordinal()).all()
    assert (captured[split.test] >= split.test_from.toordinal()).all()
    assert (leads.age_days[split.test] >= HORIZON_DAYS).all()
    late = connection.execute(
        f"select count(*) from features.lead_features where converted_at::date >= captured_at::date + "
        f"{HORIZON_DAYS}"
    ).fetchone()[0]
    assert late > 0
    assert (
        leads.converted.sum()
        == connection.execute(
            f"select count(*) from features.lead_features where converted_at::date < "
            f"captured_at::date + {HORIZON_DAYS}"
        ).fetchone()[0]
    )


def test_the_future_changes_nothing(connection, tmp_path):
    other = warehouse(None)
    add_leads(other)
    as_of = AS_OF - timedelta(days=200)
    other.execute("delete from features.lead_features where captured_at >= ?", [as_of])
    other.execute("update features.lead_features set converted_at = null where converted_at >= ?", [as_of])
    run(connection, tmp_path / "a", as_of)
    run(other, tmp_path / "b", as_of)
    assert content(connection, "ml.lead_score") == content(other, "ml.lead_score")
    assert content(connection, "ml.model_report") == content(other, "ml.model_report")


def test_a_conversion_before_the_capture_is_refused(connection, tmp_path):
    connection.execute("update features.lead_features set converted_at = captured_at - interval 1 day "
                       "where lead_id = 'l000004'")  # fmt: skip
    with pytest.raises(LeakageError, match="1 leads converted before"):
        run(connection, tmp_path)


def test_few_conversions_give_points_said_so(tmp_path):
    connection = warehouse(None)
    add_leads(connection, n=500, rate=0.3)
    result = run(connection, tmp_path)
    assert result.used_fallback and result.model_version.startswith("points-rule@")
    assert "a rule of points gives the score" in result.warnings[0]
    with_phone, without = connection.execute(
        "select avg(score) filter (has_phone), avg(score) filter (not has_phone) from ml.lead_score "
        "join features.lead_features using (lead_id)"
    ).fetchone()
    assert with_phone - without == pytest.approx(20, abs=3)
    assert connection.execute("select count(conversion_probability) from ml.lead_score").fetchone() == (500,)


def test_without_any_history_there_is_no_probability(tmp_path):
    connection = warehouse(None)
    add_leads(connection, n=12)
    result = run(connection, tmp_path)
    assert result.rows == 12
    assert connection.execute("select count(conversion_probability) from ml.lead_score").fetchone() == (0,)


def test_where_only_the_source_tells_its_rate_is_published(connection, tmp_path):
    connection.execute(
        "update features.lead_features set has_phone = hash(lead_id) % 2 = 0, "
        "has_company = hash('x' || lead_id) % 5 = 0, interest_count = hash('y' || lead_id) % 4"
    )
    result = run(connection, tmp_path)
    rows = dict(
        connection.execute("select metric, passed from ml.model_report where metric = 'auc'").fetchall()
    )
    assert result.model_version.startswith("logistic@" if rows["auc"] else "source-rate@")
    assert connection.execute(
        "select count(*) from ml.lead_score where not score between 0 and 100"
    ).fetchone() == (0,)


def test_an_unseen_source_counts_as_average(connection):
    leads = load_leads(connection, AS_OF)
    model = LeadLogistic()
    model.fit(leads, leads.is_mature & (leads.source != "fair"))
    probability = model.predict(leads)
    assert np.isfinite(probability).all()
    fair = probability[leads.source == "fair"].mean()
    assert (
        probability[leads.source == "newsletter"].mean()
        < fair
        < probability[leads.source == "referral"].mean()
    )


def test_a_second_run_changes_nothing(connection, tmp_path):
    run(connection, tmp_path)
    before = content(connection, "ml.lead_score"), content(connection, "ml.model_report")
    run(connection, tmp_path)
    assert (content(connection, "ml.lead_score"), content(connection, "ml.model_report")) == before


def test_no_leads_are_said(connection, tmp_path):
    for empty, as_of in ((connection, date(2010, 1, 1)), (duckdb.connect(), AS_OF)):
        result = run(empty, tmp_path, as_of)
        assert result.rows == 0 and "No lead was captured before" in result.warnings[0]
        assert content(empty, "ml.lead_score") == []
