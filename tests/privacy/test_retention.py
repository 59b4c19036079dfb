"""Rows past their time: shown first, then gone, and refused when a source delivers them again."""

from datetime import date

import duckdb
import pytest
from privacy_world import ANNA, BERT, NOW

from privacy.retention import apply_retention, find_due
from privacy.retention_limits import limits_of
from privacy.settings import CONFIG, Retention, load_privacy
from stammkunde.errors import ConfigError

AS_OF = date(2026, 11, 1)
WEB = Retention(rows_days={"touchpoints.web_events": 975})  # from 2024-03-01 on, one day is kept


def visits(world) -> list[tuple]:
    return world.raw("select visitor_id, ts::date from raw.touchpoints__web_events order by all")


def test_nothing_is_due_by_default(world):
    assert load_privacy(CONFIG).retention == Retention()
    due = find_due(world.home, world.key, Retention(), "DE", AS_OF)
    assert (due.limits.days, due.rows, due.customer_ids) == ({}, {}, ())


def test_shown_first_then_removed_then_refused(world):
    settings = Retention(rows_days={"touchpoints.web_events": 974})
    before = visits(world)
    due = find_due(world.home, world.key, settings, "DE", AS_OF)
    assert due.rows == {"touchpoints.web_events": 1}
    assert visits(world) == before
    apply_retention(world.home, world.key, due, "DE", "Eva", NOW)
    kept = [("v1", date(2024, 3, 2)), ("v2", date(2024, 3, 2))]
    assert visits(world) == kept
    world.ingest(full=True)
    assert {row for row in visits(world)} == set(kept)
    assert world.raw("select sum(rows_read - rows_loaded - rows_quarantined) from raw.ingestion_load") == [
        (0,)
    ]


def test_the_first_kept_day_is_kept(world):
    assert find_due(world.home, world.key, WEB, "DE", AS_OF).rows == {}


def test_a_limit_only_moves_on(world):
    due = find_due(world.home, world.key, WEB, "DE", AS_OF)
    apply_retention(world.home, world.key, due, "DE", "Eva", NOW)
    longer = Retention(rows_days={"touchpoints.web_events": 3000})
    assert find_due(world.home, world.key, longer, "DE", AS_OF).limits == limits_of(world.home)


def test_inactive_customers_are_erased_with_one_receipt(world):
    settings = Retention(inactive_customers_days=365)
    _publish_activity(world)
    due = find_due(world.home, world.key, settings, "DE", AS_OF)
    assert due.customer_ids == (ANNA,)
    done = apply_retention(world.home, world.key, due, "DE", "Eva", NOW)
    assert done is not None
    assert done.left == []
    assert done.receipt["reason"] == "retention: inactive"
    assert world.raw("select member_no from raw.shop__loyalty") == [("M2",)]


def _publish_activity(world) -> None:
    """Anna was last seen in 2024, Bert bought in 2026."""
    from stammkunde.publish import publish

    with duckdb.connect(str(world.home.warehouse)) as connection:
        connection.execute(
            f"""
            alter table marts.customer add column kind varchar default 'person';
            alter table marts.customer add column first_seen_at timestamp default timestamp '2020-01-01';
            create table marts.customer_metrics as select * from (values
                ('{ANNA}', date '2022-01-01', timestamp '2024-04-01'), ('{BERT}', date '2026-05-01', null)
            ) as metrics(customer_id, last_purchase_date, last_contact_at);
            create or replace view marts.customer_360 as select * from marts.customer;
            """
        )
    publish(world.home.warehouse, world.home, AS_OF)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("retention: {rows_days: {shop.transactions: 10}}", "shop.transactions: no table whose rows may be"),
        ("retention: {rows_days: {touchpoints.mail_event: 10}}", "did you mean 'touchpoints.mail_events'"),
        ("retention: {rows_days: {leads.leads: 0}}", "at least one day"),
        ("retention: {inactive_customers_day: 10}", "did you mean 'inactive_customers_days'"),
    ],
)
def test_settings_that_cannot_be_are_refused(tmp_path, text, message):
    path = tmp_path / "privacy.yml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_privacy(path)
