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
        "create or replace table identity.int_identity_edges "
        "(record_id_a varchar, record_id_b varchar, rule varchar, match_probability double)"
    )
    connection.execute(
        "create or replace table identity.identity_vetoes "
        "(record_id_a varchar, record_id_b varchar, reason varchar)"
    )
    start = datetime.fromisoformat("2024-01-01")
    rows = [(record, start + timedelta(hours=hour)) for hour, record in enumerate(records)]
    for table, content, width in (
        ("int_source_records", rows, 2),
        ("int_identity_edges", [(min(a, b), max(a, b), r, p) for a, b, r, p in edges], 4),
        ("identity_vetoes", [(min(a, b), max(a, b), "test") for a, b in vetoes], 3),
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
