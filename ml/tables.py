"""The tables of the schema `ml`: their types, and the one transaction that replaces a model's rows.

The score tables hold the day that was scored last, as the features do; `model_report` keeps every day and
`customer_segment_history` every change.
"""

from __future__ import annotations

from datetime import date

import duckdb
import pyarrow as pa

TABLES: dict[str, dict[str, str]] = {
    "customer_segment": {
        "customer_id": "varchar",
        "as_of_date": "date",
        "recency_score": "integer",
        "frequency_score": "integer",
        "monetary_score": "integer",
        "segment": "varchar",
        "value_class": "varchar",
        "strategy": "varchar",
        "previous_segment": "varchar",
        "stage": "varchar",
        "needs_segment": "varchar",
        "current_value_amount": "decimal(18,2)",
        "potential_value_amount": "decimal(18,2)",
    },
    "customer_segment_history": {
        "customer_id": "varchar",
        "valid_from": "date",
        "valid_to": "date",
        "value_class": "varchar",
        "stage": "varchar",
        "segment": "varchar",
        "strategy": "varchar",
    },
    "segment_profile": {
        "as_of_date": "date",
        "view": "varchar",
        "segment": "varchar",
        "customers": "bigint",
        "revenue_365_amount": "decimal(18,2)",
        "margin_365_amount": "decimal(18,2)",
        "current_value_amount": "decimal(18,2)",
        "potential_value_amount": "decimal(18,2)",
        "horizon_days": "integer",
        "worst_amount": "decimal(18,2)",
        "realistic_amount": "decimal(18,2)",
        "best_amount": "decimal(18,2)",
        "description": "varchar",
    },
    "segment_migration": {
        "as_of_date": "date",
        "since_date": "date",
        "from_segment": "varchar",
        "to_segment": "varchar",
        "customers": "bigint",
        "margin_365_amount": "decimal(18,2)",
        "value_amount": "decimal(18,2)",
    },
    "customer_clv": {
        "customer_id": "varchar",
        "as_of_date": "date",
        "horizon_days": "integer",
        "expected_purchases": "double",
        "alive_probability": "double",
        "clv_amount": "decimal(18,2)",
        "clv_low_amount": "decimal(18,2)",
        "clv_high_amount": "decimal(18,2)",
        "model_version": "varchar",
    },
    "customer_churn": {
        "customer_id": "varchar",
        "as_of_date": "date",
        "horizon_days": "integer",
        "churn_probability": "double",
        "risk_band": "varchar",
        "reasons": "varchar",
        "margin_at_risk_amount": "decimal(18,2)",
        "alarm_rank": "integer",
        "model_version": "varchar",
    },
    "lead_score": {
        "lead_id": "varchar",
        "customer_id": "varchar",
        "as_of_date": "date",
        "score": "integer",
        "conversion_probability": "double",
        "grade": "varchar",
        "reasons": "varchar",
        "model_version": "varchar",
    },
    "recommendation": {
        "customer_id": "varchar",
        "recommendation_rank": "integer",
        "product_no": "varchar",
        "kind": "varchar",
        "score": "double",
        "as_of_date": "date",
        "model_version": "varchar",
    },
    "campaign_member": {
        "campaign_id": "varchar",
        "customer_id": "varchar",
        "is_held_out": "boolean",
        "drawn_on": "date",
    },
    "campaign_effect": {
        "campaign_id": "varchar",
        "name": "varchar",
        "starts_on": "date",
        "ends_on": "date",
        "as_of_date": "date",
        "drawn_on": "date",
        "budget_amount": "decimal(18,2)",
        "target_amount": "decimal(18,2)",
        "treated_customers": "bigint",
        "held_out_customers": "bigint",
        "treated_mean_amount": "decimal(18,2)",
        "held_out_mean_amount": "decimal(18,2)",
        "effect_amount": "decimal(18,2)",
        "effect_low_amount": "decimal(18,2)",
        "effect_high_amount": "decimal(18,2)",
        "total_effect_amount": "decimal(18,2)",
        "is_shown": "boolean",
        "note": "varchar",
    },
    "model_report": {
        "model": "varchar",
        "metric": "varchar",
        "value": "double",
        "baseline_name": "varchar",
        "baseline_value": "double",
        "split": "varchar",
        "population": "varchar",
        "passed": "boolean",
        "model_version": "varchar",
        "as_of_date": "date",
        "note": "varchar",
    },
}


def ensure_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Creates the schema `ml` and its score tables where they are missing or have other columns."""
    connection.execute("create schema if not exists ml")
    for name, columns in TABLES.items():
        described = ", ".join(f"{column} {kind}" for column, kind in columns.items())
        if name not in ("model_report", "customer_segment_history") and _columns(connection, name) not in (
            [],
            list(columns),
        ):
            # An older version made it with other columns; its rows are those of the last run only.
            connection.execute(f"drop table ml.{name}")
        connection.execute(f"create table if not exists ml.{name} ({described})")


def _columns(connection: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    rows = connection.execute(
        "select column_name from information_schema.columns where table_schema = 'ml' and table_name = ? "
        "order by ordinal_position",
        [name],
    ).fetchall()
    return [row[0] for row in rows]


def replace_scores(
    connection: duckdb.DuckDBPyConnection,
    as_of: date,
    model: str,
    table: str,
    scores: pa.Table | None,
    report: pa.Table,
) -> int:
    """Replaces the model's scores, and its report rows of this `as_of`, in one transaction.

    Returns the number of scores. The columns of `scores` are those of the table, in any order; None leaves
    the table empty.
    """
    rows = 0
    ensure_tables(connection)
    connection.execute("begin transaction")
    try:
        connection.execute(f"delete from ml.{table}")
        connection.execute("delete from ml.model_report where as_of_date = ? and model = ?", [as_of, model])
        if scores is not None and scores.num_rows:
            rows = scores.num_rows
            _insert(connection, table, scores)
        _insert(connection, "model_report", report)
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    return rows


def replace_table(connection: duckdb.DuckDBPyConnection, table: str, rows: pa.Table | None) -> None:
    """Replaces all rows of a table that belongs to a model beside its scores."""
    ensure_tables(connection)
    connection.execute("begin transaction")
    try:
        connection.execute(f"delete from ml.{table}")
        if rows is not None and rows.num_rows:
            _insert(connection, table, rows)
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: pa.Table) -> None:
    columns = TABLES[table]
    money = {name for name, kind in columns.items() if kind.startswith("decimal")}
    values = ", ".join(
        f"{f'round({name}, 2)' if name in money else name}::{kind} as {name}"
        for name, kind in columns.items()
    )
    connection.register("_ml_rows", rows)
    try:
        connection.execute(f"insert into ml.{table} ({', '.join(columns)}) select {values} from _ml_rows")
    finally:
        connection.unregister("_ml_rows")
