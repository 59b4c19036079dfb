"""Campaigns: drawn once before they begin, measured against their hold-out, silent without one."""

from datetime import timedelta

import pytest
from ml_world import AS_OF, buy_till_leave, content, warehouse

from ml.measures import score
from ml.measures.settings import load_campaigns
from ml.segments import score as segments
from stammkunde.config import Config
from stammkunde.errors import ConfigError

START = AS_OF - timedelta(days=91)  # a snapshot of the world


def settings(tmp_path, **changes):
    said = {
        "campaign_id": "spring", "name": "Spring", "starts_on": START, "ends_on": START + timedelta(days=60),
        "holdout_pct": 40, "budget_amount": 100, "audience": "{value_class: [A, B]}", **changes,
    }  # fmt: skip
    path = tmp_path / "campaigns.yml"
    path.write_text("campaigns:\n  - " + "\n    ".join(f"{k}: {v}" for k, v in said.items()) + "\n")
    return path


@pytest.fixture(scope="module")
def purchases():
    return buy_till_leave(1_500, seed=12)


@pytest.fixture
def world(purchases, tmp_path):
    connection = warehouse(purchases)
    segments.run(connection, Config(), START, tmp_path / "models")
    return connection


def run(connection, tmp_path, as_of, path):
    return score.run(connection, Config(), as_of, tmp_path / "models", path)


def effect(connection):
    cursor = connection.execute("select * from ml.campaign_effect")
    return dict(zip([c[0] for c in cursor.description], cursor.fetchone(), strict=True))


def test_groups_are_drawn_before_the_start_and_kept(world, tmp_path):
    path = settings(tmp_path)
    run(world, tmp_path, START, path)
    members = content(world, "ml.campaign_member")
    row = effect(world)
    assert len(members) == row["treated_customers"] + row["held_out_customers"] > 200
    assert row["effect_amount"] is None and "held out" in row["note"]
    segments.run(world, Config(), AS_OF, tmp_path / "models")
    run(world, tmp_path, AS_OF, settings(tmp_path, audience="{value_class: [C]}", holdout_pct=10))
    assert content(world, "ml.campaign_member") == members


def test_what_the_treated_bought_more_is_the_effect(world, tmp_path):
    path = settings(tmp_path)
    run(world, tmp_path, START, path)
    run(world, tmp_path, AS_OF, path)
    placebo = effect(world)
    world.execute(
        "insert into features.customer_purchase_day select customer_id, ?, 1, 100, 40 "
        "from ml.campaign_member where not is_held_out", [START + timedelta(days=3)],
    )  # fmt: skip
    world.execute(
        "insert into features.customer_purchase_day select customer_id, ?, 1, 9999, 9999 "
        "from ml.campaign_member", [START + timedelta(days=61)],
    )  # fmt: skip
    run(world, tmp_path, AS_OF, path)
    real = effect(world)
    gained = float(real["effect_amount"] - placebo["effect_amount"])
    assert gained == pytest.approx(40.0, abs=0.6)
    assert real["is_shown"] and real["effect_low_amount"] > 0
    total = float(real["effect_amount"] * real["treated_customers"])
    assert float(real["total_effect_amount"]) == pytest.approx(total, rel=0.01)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [({"holdout_pct": 0}, "too few"), ({"audience": "{segment: [nobody]}"}, "no groups were drawn")],
)
def test_without_a_hold_out_nothing_is_claimed(world, tmp_path, changes, sentence):
    path = settings(tmp_path, **changes)
    run(world, tmp_path, START, path)
    result = run(world, tmp_path, AS_OF, path)
    row = effect(world)
    assert row["effect_amount"] is None and row["is_shown"] is None
    assert sentence in row["note"] and "no effect is claimed" in row["note"]
    assert any(sentence in warning for warning in result.warnings)


def test_a_campaign_that_nobody_drew_claims_nothing(world, tmp_path):
    result = run(world, tmp_path, AS_OF, settings(tmp_path))
    assert "no groups were drawn before it began" in result.warnings[0]
    assert content(world, "ml.campaign_member") == []


def test_the_shipped_file_has_no_campaign():
    assert load_campaigns() == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"holdout_pct": 95}, "holdout_pct"),
        ({"ends_on": START - timedelta(days=1)}, "lies before starts_on"),
        ({"holdot_pct": 5}, "did you mean 'holdout_pct'"),
        ({"audience": "{stage: [leavin]}"}, "leaving"),
    ],
)
def test_mistakes_are_named(tmp_path, changes, message):
    with pytest.raises(ConfigError, match=message):
        load_campaigns(settings(tmp_path, **changes))
