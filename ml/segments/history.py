"""Which class and stage every customer had from when to when: `ml.customer_segment_history`.

Only changes are kept, so the table grows with what happens and not with the days. A run first forgets what
runs of the same or a later day wrote; so repeating a day, or going back to one, gives the same rows.
"""

from __future__ import annotations

from datetime import date

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.data import IntArray, fetch
from ml.tables import ensure_tables

STATE = ("value_class", "stage", "segment", "strategy")
_COLUMNS = ", ".join(STATE)


def state_on(connection: duckdb.DuckDBPyConnection, day: date) -> pa.Table:
    """customer_id and STATE as runs before that day left them, sorted by customer_id."""
    ensure_tables(connection)
    return fetch(
        connection,
        f"select customer_id, {_COLUMNS} from ml.customer_segment_history "
        "where valid_from < $day and (valid_to is null or valid_to >= $day) order by customer_id",
        {"day": day},
    )


def aligned(previous: pa.Table, customer_id: pa.Array, column: str, names: tuple[str, ...]) -> IntArray:
    """Per customer, the place of the previous value among the names; −1 for who is new or has another."""
    at = pc.fill_null(pc.index_in(customer_id, previous["customer_id"].combine_chunks()), -1)
    code = pc.fill_null(pc.index_in(previous[column].combine_chunks(), pa.array(names)), -1)
    codes = np.append(np.asarray(code.to_numpy(zero_copy_only=False), dtype=np.int64), -1)
    return np.asarray(codes[np.asarray(at.to_numpy(zero_copy_only=False), dtype=np.int64)])


def write(connection: duckdb.DuckDBPyConnection, as_of: date, now: pa.Table) -> int:
    """Closes what changed or ended and opens what is new; `now` has customer_id and STATE."""
    ensure_tables(connection)
    same = " and ".join(f"h.{name} is not distinct from n.{name}" for name in STATE)
    connection.register("_now", now.select(["customer_id", *STATE]))
    connection.execute("begin transaction")
    try:
        connection.execute("delete from ml.customer_segment_history where valid_from >= ?", [as_of])
        connection.execute(
            "update ml.customer_segment_history set valid_to = null where valid_to >= ?", [as_of]
        )
        connection.execute(
            "update ml.customer_segment_history h set valid_to = ? where valid_to is null and not exists "
            f"(select 1 from _now n where h.customer_id = n.customer_id and {same})",
            [as_of],
        )
        connection.execute(
            f"insert into ml.customer_segment_history select customer_id, ?, null, {_COLUMNS} from _now n "
            "where not exists (select 1 from ml.customer_segment_history h where h.valid_to is null "
            "and h.customer_id = n.customer_id)",
            [as_of],
        )
        row = connection.execute(
            "select count(*) from ml.customer_segment_history where valid_from = ?", [as_of]
        ).fetchone()
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    finally:
        connection.unregister("_now")
    return int(row[0]) if row else 0


def migration(connection: duckdb.DuckDBPyConnection, since: date, now: pa.Table) -> pa.Table:
    """Customers and money that moved between value class × stage since the state on a day.

    `now` has customer_id, value_class, stage, margin_365 and value (current and potential).
    """
    connection.register("_now", now)
    connection.register("_then", state_on(connection, since))
    try:
        return fetch(
            connection,
            """
            select t.value_class || ' ' || t.stage as from_segment,
                n.value_class || ' ' || n.stage as to_segment, count(*)::bigint as customers,
                sum(round(n.margin_365, 2)::decimal(18,2)) as margin_365_amount,
                sum(round(n.value, 2)::decimal(18,2)) as value_amount
            from _now n left join _then t on n.customer_id = t.customer_id
            where exists (select 1 from _then)
            group by all order by all
            """,
        )
    finally:
        connection.unregister("_now")
        connection.unregister("_then")
