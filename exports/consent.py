"""The consent gate: who may be exported. Every export passes it and nothing goes around it.

It fails closed: only a statement that says `granted`, and nothing else about the same channel and purpose,
lets a customer through, or a legal basis that both `config/consent.yml` and the sync switch on. Whoever
objected is never let through. Belongs here: that decision. Does not belong here: how statements of several
records become one (dbt, `marts.consent`) or what a legal basis asks for (`exports/legal_bases.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import duckdb
import pyarrow as pa

from exports.legal_bases import LegalBasis

GRANTED = "granted"
REASONS = ("no_record", "withdrawn", "conflicting", "unknown")
"""Why a customer is held back, in this order of precedence."""

CONSENT = "consent"


def consent_decisions(
    connection: duckdb.DuckDBPyConnection,
    channel: str,
    purpose: str,
    bases: Sequence[LegalBasis] = (),
    as_of: date | None = None,
) -> pa.Table:
    """Decides for every customer whether the channel may be used for the purpose.

    Reads `marts.customer` and `marts.consent`; `bases`, which need `as_of`, also read other marts. Returns
    (customer_id, decision, legal_basis), one row per customer, sorted; the decision is `granted` or one of
    REASONS, the basis is `consent` or the name of one of `bases`, null for who is held back. A status is
    taken literally: another spelling is no consent, and so is an empty one.
    """
    permissions = [b.permitted(as_of) for b in bases if b.covers(channel, purpose)]
    permitted = " union all ".join(sql for sql, _ in permissions) or "select null, null where false"
    values = {name: value for _, parameters in permissions for name, value in parameters.items()}
    return connection.execute(
        f"""
        with statements as (
            select
                customer_id,
                count(*) as statement_count,
                count(*) filter (where status = 'granted') as granted_count,
                count(*) filter (where status = 'withdrawn') as withdrawn_count,
                count(*) filter (where status in ('granted', 'unknown')) as harmless_count
            from marts.consent
            where channel = $channel and purpose = $purpose
            group by customer_id
        ),

        customers as (
            select distinct customer_id from marts.customer where customer_id is not null
        ),

        permitted (customer_id, legal_basis) as (
            select customer_id, min(legal_basis)
            from ({permitted}) as found (customer_id, legal_basis)
            group by customer_id
        ),

        judged as (
            select
                customers.customer_id,
                coalesce(harmless_count = statement_count, true) as no_objection,
                case
                    when statements.customer_id is null then 'no_record'
                    when withdrawn_count > 0 then 'withdrawn'
                    when granted_count = statement_count then 'granted'
                    when granted_count > 0 then 'conflicting'
                    else 'unknown'
                end as by_consent
            from customers
            left join statements on customers.customer_id = statements.customer_id
        )

        select
            judged.customer_id,
            case
                when by_consent = 'granted' then 'granted'
                when no_objection and permitted.legal_basis is not null then 'granted'
                else by_consent
            end as decision,
            case
                when by_consent = 'granted' then 'consent'
                when no_objection then permitted.legal_basis
            end as legal_basis
        from judged
        left join permitted on judged.customer_id = permitted.customer_id
        order by judged.customer_id
        """,
        {"channel": channel, "purpose": purpose, **values},
    ).to_arrow_table()
