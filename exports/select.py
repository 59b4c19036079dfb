"""Who is sent, and why others are not: consent, opt-outs, erasures, segment, hold-out, in SQL.

Every export, of files or of rows, selects through `select_customers` and nothing goes around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb

from exports.consent import GRANTED, REASONS, consent_decisions
from exports.engine.optouts import Gate
from exports.legal_bases import switched_on
from exports.sync import Condition, Sync, nearest
from stammkunde.errors import ConfigError, UserError
from stammkunde.hashes import quoted

FILTERED = "filtered"
SEND = "send"
VERDICTS = (*REASONS, "opted_out", "erased", FILTERED, "hold_out", "no_address", "shared_address")
"""Why a row is held back, in this order of precedence."""


def check_columns(connection: duckdb.DuckDBPyConnection, sync: Sync) -> dict[str, str]:
    """Columns of the sync's model with their types; ConfigError names what the sync asks for in vain."""
    tables: dict[str, dict[str, str]] = {}
    for table, column, type_ in connection.execute(
        "select table_name, column_name, data_type from duckdb_columns() where schema_name = 'marts' "
        "order by all"
    ).fetchall():
        tables.setdefault(table, {})[column] = type_
    for needed in ("customer", "consent"):
        if needed not in tables:
            raise UserError(f"sync {sync.name}: the published database has no table marts.{needed}")
    if sync.model not in tables:
        raise ConfigError(
            f"sync {sync.name}: model: there is no mart {sync.model!r}{nearest(sync.model, list(tables))}"
        )
    known = tables[sync.model]
    uses = [("mapping", c) for c in sync.mapping] + [("filter", c.column) for c in sync.filter]
    uses += [("identity", sync.identity)] if sync.identity else []
    for key, column in [*uses, ("key", sync.key), ("consent", "customer_id")]:
        if column not in known:
            hint = nearest(column, list(known))
            raise ConfigError(f"sync {sync.name}: {key}: {sync.model} has no column {column!r}{hint}")
    return known


def select_customers(
    connection: duckdb.DuckDBPyConnection, sync: Sync, gate: Gate, one_per_address: bool = False
) -> dict[str, int]:
    """Fills the temporary table `verdict` (customer_id, key, verdict, address); returns counts by verdict.

    A row may go when its verdict is `send`. `one_per_address`: of several customers with one address only
    that with the smallest id goes. Rows without a customer get `no_record`.
    """
    known = check_columns(connection, sync)
    consent, bases = sync.consent, switched_on(sync.consent.legal_bases, sync.name)
    # Whether a legal basis other than consent holds is asked for the day of the published records.
    day = "select as_of_date from meta.publication"
    (as_of,) = connection.execute(day).fetchall()[0] if bases else (None,)
    connection.register(
        "decision", consent_decisions(connection, consent.channel, consent.purpose, bases, as_of)
    )
    gate.register(connection, sync.consent.channel)
    conditions, values = _conditions(sync.filter)
    address = f"model.{quoted(sync.address)}::varchar" if sync.address in known else "null::varchar"
    address_needed = "address is null or trim(address) = ''" if not sync.is_file else "false"
    hold_out = "false"
    if sync.hold_out:
        # 28 bits of a hash, as a share of all: the same customers in every run.
        number = f"('0x' || substr(md5('{sync.hold_out.name}' || customer_id), 1, 7))::bigint"
        hold_out = f"{number} < {sync.hold_out.share_pct / 100 * 2**28:.0f}"
    connection.execute(
        f"""
        create or replace temp table verdict as
        with rows as (
            select
                model.customer_id,
                model.{quoted(sync.key)}::varchar as key,
                {address} as address,
                {conditions} as is_in_segment
            from marts.{quoted(sync.model)} as model
        ),

        judged as (
            select
                rows.*,
                case
                    when not (decision.decision is not distinct from '{GRANTED}')
                        then coalesce(decision.decision, 'no_record')
                    when {gate.opted_out("rows.customer_id", "rows.address")} then 'opted_out'
                    when {gate.erased("rows.customer_id")} then 'erased'
                    when not is_in_segment then '{FILTERED}'
                    when {hold_out.replace("customer_id", "rows.customer_id")} then 'hold_out'
                    when {address_needed} then 'no_address'
                    else '{SEND}'
                end as verdict
            from rows
            left join decision on rows.customer_id = decision.customer_id
        )

        select
            customer_id,
            key,
            address,
            case
                when {str(one_per_address).lower()} and verdict = '{SEND}' and row_number() over (
                    partition by verdict, lower(trim(address)) order by key
                ) > 1 then 'shared_address'
                else verdict
            end as verdict
        from judged
        """,
        values,
    )
    found = dict(
        connection.execute("select verdict, count(*) from verdict group by verdict order by 1").fetchall()
    )
    _check_key(connection, sync)
    return {verdict: found.get(verdict, 0) for verdict in (SEND, *VERDICTS)}


def _check_key(connection: duckdb.DuckDBPyConnection, sync: Sync) -> None:
    found = connection.execute(
        "select count(*), count(distinct key) from verdict where verdict = ?", [SEND]
    ).fetchone()
    assert found is not None
    if found[0] != found[1]:
        raise ConfigError(
            f"sync {sync.name}: key: {sync.key!r} is empty or repeated in {found[0] - found[1]:,} rows"
        )


def _conditions(conditions: Sequence[Condition]) -> tuple[str, list[Any]]:
    parts = ["true"]
    values: list[Any] = []
    for condition in conditions:
        column = f"model.{quoted(condition.column)}"
        if condition.present:
            parts.append(f"coalesce({column}::varchar, '') <> ''")
            continue
        bound = condition.at_least if condition.at_least is not None else condition.at_most
        if bound is not None:
            sign = ">=" if condition.at_least is not None else "<="
            parts.append(f"coalesce({column} {sign} ?, false)")
            values.append(bound)
            continue
        allowed = condition.one_of if condition.equals is None else [condition.equals]
        assert allowed is not None
        parts.append(f"coalesce({column}::varchar in ({', '.join('?' for _ in allowed)}), false)")
        values += [str(v).lower() if isinstance(v, bool) else str(v) for v in allowed]
    return " and ".join(parts), values
