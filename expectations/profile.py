"""Aggregates that a suite judges: keys, duplicates, relationships, computed by DuckDB over whole tables.

Belongs here: what needs all rows at once. Values are checked row by row (`expectations/engine.py`).
"""

from __future__ import annotations

import duckdb

from ingestion.contracts import Table


def raw_profile_query(table: Table) -> str:
    """One row: `tables`, `empty_tables`, `row_count`, `rows_without_key`, `duplicate_rows`.

    `duplicate_rows` counts surplus rows with the key of another row of the same load, in loads that no later
    one has replaced; a key in two loads is a new version of the row. A key whose parts may be empty
    (`required` is false) identifies nothing by itself, so its duplicates are not counted.
    """
    name = f"raw.{table.raw_name}"
    required = [column for column in table.key if table.field(column).required]
    without_key = " or ".join(f"{column} is null" for column in required) or "false"
    replaced = ", ".join(table.replace_by)
    newest = f"max(_load_id) over (partition by {replaced})" if replaced else "max(_load_id) over ()"
    duplicates = "select 0::bigint as surplus where false"
    if len(required) == len(table.key):
        key = ", ".join(table.key)
        # Only groups that hold a duplicate are looked at again, which are none as a rule.
        duplicates = f"""
            select surplus from (
                select surplus, _load_id, {newest} as newest_load_id from (
                    select {key}, _load_id, count(*) - 1 as surplus from {name} {_repeated(table)}
                    group by {key}, _load_id
                )
            ) where _load_id = newest_load_id
        """
    return f"""
        select
            1 as tables,
            (count(*) = 0)::bigint as empty_tables,
            count(*) as row_count,
            count(*) filter (where {without_key}) as rows_without_key,
            coalesce((select sum(surplus) from ({duplicates})), 0)::bigint as duplicate_rows
        from {name}
    """


def _repeated(table: Table) -> str:
    """Restricts to the replaced groups in which some key occurs twice in one load."""
    if not table.replace_by:
        return ""
    key, replaced, name = ", ".join(table.key), ", ".join(table.replace_by), f"raw.{table.raw_name}"
    return f"""where ({replaced}) in (
        select {replaced} from {name} group by {key}, _load_id having count(*) > 1
    )"""


def loaded_tables(connection: duckdb.DuckDBPyConnection) -> set[tuple[str, str]]:
    """(source, table) of everything that any load has delivered rows of, accepted or not."""
    rows = connection.execute(
        "select distinct source, table_name from raw.ingestion_load where rows_read > 0"
    ).fetchall()
    return {(source, table) for source, table in rows}


CUSTOMER_PROFILE_QUERY = """
    with record_counts as (
        select customer_id, count(*) as record_count
        from marts.customer_identity
        group by customer_id
    ),

    customers as (
        select
            count(*) as customers,
            count(*) filter (where customer_id is null) as customers_without_id,
            count(customer_id) - count(distinct customer_id) as duplicate_customers,
            count(*) filter (where record_counts.customer_id is null) as customers_without_record,
            count(*) filter (where record_counts.record_count <> customer.record_count) as wrong_record_counts
        from marts.customer as customer
        left join record_counts using (customer_id)
    ),

    identities as (
        select
            count(*) as records,
            count(*) - count(distinct (source_system, source_record_id)) as duplicate_records,
            count(*) filter (
                where customer_id is null or customer_id not in (
                    select customer_id from marts.customer where customer_id is not null
                )
            ) as records_without_customer
        from marts.customer_identity
    ),

    source_records as (
        select count(*) as source_records from identity.identity_assignment
    )

    select *, (source_records > 0 and customers = 0)::bigint as missing_customers
    from customers, identities, source_records
"""
"""One row of counts about `marts.customer`, `marts.customer_identity` and the records of identity."""
