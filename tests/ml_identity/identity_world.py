"""A schema `identity` as dbt leaves it, for tests of the steps behind it."""

from datetime import datetime, timedelta

import duckdb


def identity_world(records, edges=(), vetoes=(), connection=None):
    """Writes records (ids, oldest first), edges (a, b, rule, probability) and vetoes (a, b)."""
    connection = connection or duckdb.connect()
    connection.execute("create schema if not exists identity")
    connection.execute(
        "create or replace table identity.int_source_records (record_id varchar, created_at timestamp)"
    )
    connection.execute(
        "create or replace table identity.pair_score (record_id_a varchar, record_id_b varchar, "
        "main_evidence varchar, match_probability double, veto varchar)"
    )
    connection.execute(
        "create or replace table identity.int_record_keys (record_id varchar, representative_id varchar)"
    )
    connection.execute(
        "create or replace table identity.matching_run as select 'test' as version, 0.5 as threshold"
    )
    start = datetime.fromisoformat("2024-01-01")
    rows = [(record, start + timedelta(hours=hour)) for hour, record in enumerate(records)]
    same = {b: a for a, b, rule, _ in edges if rule == "same_content"}
    scores = {(min(a, b), max(a, b)): [r, p, None] for a, b, r, p in edges if r != "same_content"}
    for a, b in vetoes:
        scores.setdefault((min(a, b), max(a, b)), ["x", 0.0, None])[2] = "test"
    for table, content, width in (
        ("int_source_records", rows, 2),
        ("int_record_keys", [(record, same.get(record, record)) for record in records], 2),
        ("pair_score", [(*pair, *score) for pair, score in scores.items()], 5),
    ):
        if content:
            connection.executemany(f"insert into identity.{table} values ({', '.join('?' * width)})", content)
    return connection


def assignment(connection):
    """record_id → customer_id."""
    return dict(
        connection.execute("select record_id, customer_id from identity.identity_assignment").fetchall()
    )


def events(connection):
    """(event, customer_id, previous_customer_id) in the order of writing."""
    return connection.execute(
        "select event, customer_id, previous_customer_id from identity.customer_id_event order by rowid"
    ).fetchall()
