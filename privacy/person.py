"""Who is meant, and by what they can be recognised.

Belongs here: finding a customer by id, address, number, card or record, and everything that identifies them
and nobody else. Does not belong here: what is then done with it.

What another customer uses too (a family's address, a household's card) is theirs as well: it is not erased
from their records and bars nobody. `Person.shared` tells which kinds that concerns.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from privacy.rules import PARTIES, PARTY_CONTACTS, Identifiers, person_sql, value_sql
from stammkunde.errors import UserError

_EXACT = ("email", "phone", "card", "person")


@dataclass(frozen=True)
class Person:
    """A customer (or several) with all source records, and what identifies them.

    `exclusive` holds comparable values (privacy/rules.py), `texts` the values as the sources wrote them, of
    addresses and numbers that nobody else has. `shared` are kinds that another customer uses too.
    """

    customer_ids: tuple[str, ...]
    record_ids: tuple[str, ...]
    exclusive: Identifiers
    texts: tuple[str, ...]
    shared: tuple[str, ...]


def identifiers_sql(country: str) -> str:
    """SQL over the raw views: one row (record_id, kind, value, written) per value of any version."""
    selects = []
    for rule in PARTIES:
        table = rule.contract
        record = f"'{rule.source}:' || trim(\"{rule.columns['record'][0]}\")"
        phones, cards = PARTY_CONTACTS[rule.source]
        columns = [("email", "email"), *(("phone", c) for c in phones), *(("card", c) for c in cards)]
        values = [(kind, value_sql(kind, f'"{c}"', country), f'"{c}"') for kind, c in columns]
        values.append(("person", person_sql(table), "null"))
        selects += [
            f"select {record} as record_id, '{kind}' as kind, {value} as value, {written} as written "
            f"from raw.{table.raw_name} where {value} is not null"
            for kind, value, written in values
        ]
    return " union ".join(selects)


def find_customers(
    connection: duckdb.DuckDBPyConnection, country: str, kind: str, value: str
) -> tuple[str, ...]:
    """Customers that `value` names; `kind` is customer, record, email, phone or card.

    Raises UserError when there is none.
    """
    if kind == "customer":
        found = connection.execute(
            "select coalesce(max(next.customer_id), $id) from identity.customer_id_successor as next "
            "where previous_customer_id = $id",
            {"id": value},
        ).fetchone()
        rows = connection.execute(
            "select distinct customer_id from identity.identity_assignment where customer_id = ?",
            [found[0] if found else value],
        ).fetchall()
    elif kind == "record":
        rows = connection.execute(
            "select distinct customer_id from identity.identity_assignment where record_id = ?", [value]
        ).fetchall()
    else:
        rows = connection.execute(
            f"with given as (select ?::varchar as text) select distinct customer_id "
            f"from ({identifiers_sql(country)}) as named join identity.identity_assignment using (record_id) "
            f"where kind = ? and value = (select {value_sql(kind, 'text', country)} from given) order by all",
            [value, kind],
        ).fetchall()
    if not rows:
        raise UserError(f"no customer is known by this {kind}; nothing was done")
    return tuple(customer for (customer,) in rows)


def describe_person(
    connection: duckdb.DuckDBPyConnection, customer_ids: tuple[str, ...], country: str
) -> Person:
    """All records of the customers and what identifies them.

    Reads the schema `raw` and `identity.identity_assignment`. A record that resolution leaves out (deleted at
    its source) is theirs when it has an address or a name with address that only they have.
    """
    connection.execute(f"create or replace temp table identifier as {identifiers_sql(country)}")
    connection.execute(
        """
        create or replace temp table owner as
        select
            found.record_id, assigned.customer_id,
            coalesce(assigned.customer_id in (select unnest($ids::varchar[])), false) as is_theirs
        from (
            select distinct record_id from identifier
            union select record_id from identity.identity_assignment
        ) as found
        left join identity.identity_assignment as assigned using (record_id)
        """,
        {"ids": list(customer_ids)},
    )
    connection.execute(
        """
        create or replace temp table their_value as
        select
            kind, value,
            exists (
                select 1 from identifier as other join owner using (record_id)
                where other.kind = mine.kind and other.value = mine.value
                    and owner.customer_id is not null and not owner.is_theirs
            ) as is_shared
        from (
            select distinct kind, value from identifier join owner using (record_id) where is_theirs
        ) as mine
        """
    )
    connection.execute(
        """
        update owner set is_theirs = true
        where customer_id is null and record_id in (
            select record_id from identifier join their_value using (kind, value)
            where kind in ('email', 'person') and not is_shared
        )
        """
    )
    records = [r for (r,) in connection.execute("select record_id from owner where is_theirs").fetchall()]
    exclusive = Identifiers()
    for record in records:
        exclusive.add("record", record)
    for kind, value in connection.execute(
        """
        select distinct kind, value from identifier as mine join owner using (record_id)
        where is_theirs and not exists (
            select 1 from identifier as other join owner as others using (record_id)
            where other.kind = mine.kind and other.value = mine.value and not others.is_theirs
                and others.customer_id is not null
        )
        """
    ).fetchall():
        exclusive.add(kind, value)
    _add_references(connection, records, exclusive)
    _add_visitors(connection, exclusive, country)
    texts = connection.execute(
        """
        select distinct written from identifier join owner using (record_id)
        join (
            select unnest($kinds::varchar[]) as kind, unnest($values::varchar[]) as value
        ) using (kind, value)
        where is_theirs and kind in ('email', 'phone') and length(written) > 5
        """,
        {
            "kinds": [k for k, _ in exclusive.pairs()],
            "values": [v for _, v in exclusive.pairs()],
        },
    ).fetchall()
    shared = connection.execute(
        "select distinct kind from their_value where is_shared order by all"
    ).fetchall()
    return Person(
        tuple(sorted(customer_ids)),
        tuple(sorted(records)),
        exclusive,
        tuple(sorted(t for (t,) in texts)),
        tuple(k for (k,) in shared),
    )


def _add_references(
    connection: duckdb.DuckDBPyConnection, records: list[str], exclusive: Identifiers
) -> None:
    """What others call the person: the record with its source, and bare where no other is called so."""
    for record in records:
        exclusive.add("reference", record)
    bare = connection.execute(
        """
        with named as (
            select record_id, is_theirs, split_part(record_id, ':', 1) as source,
                substr(record_id, instr(record_id, ':') + 1) as bare
            from owner
        )
        select bare from named group by bare having bool_and(is_theirs) and length(bare) > 0
        """
    ).fetchall()
    for (value,) in bare:
        exclusive.add("reference", value)


def _add_visitors(connection: duckdb.DuckDBPyConnection, exclusive: Identifiers, country: str) -> None:
    """Browsers in which nobody but the person left an address."""
    address = value_sql("email", "email", country)
    rows = connection.execute(
        f"""
        select trim(visitor_id) from raw.touchpoints__web_events
        where {address} is not null and visitor_id is not null
        group by 1 having bool_and({address} in (select unnest(?::varchar[])))
        """,
        [sorted(exclusive.of("email"))],
    ).fetchall()
    for (visitor,) in rows:
        exclusive.add("visitor", visitor)
