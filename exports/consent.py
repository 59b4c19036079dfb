"""The consent gate: who may be exported. Every export passes it and nothing goes around it.

It fails closed: only a statement that says `granted`, and nothing else about the same channel and purpose,
lets a customer through. Belongs here: that decision. Does not belong here: how statements of several records
become one (dbt, `marts.consent`).
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

GRANTED = "granted"
REASONS = ("no_record", "withdrawn", "conflicting", "unknown")
"""Why a customer is held back, in this order of precedence."""


def consent_decisions(connection: duckdb.DuckDBPyConnection, channel: str, purpose: str) -> pa.Table:
    """Decides for every customer whether the channel may be used for the purpose.

    Reads `marts.customer` and `marts.consent`. Returns (customer_id, decision), one row per customer, sorted;
    the decision is `granted` or one of REASONS. A status is taken literally: another spelling is no consent,
    and so is an empty one.
    """
    return connection.execute(
        """
        with statements as (
            select
                customer_id,
                count(*) as statement_count,
                count(*) filter (where status = 'granted') as granted_count,
                count(*) filter (where status = 'withdrawn') as withdrawn_count
            from marts.consent
            where channel = $channel and purpose = $purpose
            group by customer_id
        ),

        customers as (
            select distinct customer_id from marts.customer where customer_id is not null
        )

        select
            customers.customer_id,
            case
                when statements.customer_id is null then 'no_record'
                when withdrawn_count > 0 then 'withdrawn'
                when granted_count = statement_count then 'granted'
                when granted_count > 0 then 'conflicting'
                else 'unknown'
            end as decision
        from customers
        left join statements on customers.customer_id = statements.customer_id
        order by customers.customer_id
        """,
        {"channel": channel, "purpose": purpose},
    ).to_arrow_table()
