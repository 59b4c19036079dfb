"""How a person's addresses, numbers and names are written in the tables, to find them there as text."""

from __future__ import annotations

import duckdb

from privacy.person import Person
from privacy.rules import PARTIES, person_sql


def written_forms(
    connection: duckdb.DuckDBPyConnection, person: Person
) -> tuple[list[str], list[str], list[list[str]]]:
    """Texts (addresses and telephone numbers), cards, and (names, street, postal code) of the person.

    As the sources wrote them and in the forms that the models compare by. Only what nobody else has.
    """
    exclusive = person.exclusive
    texts = {*person.texts, *(t.strip() for t in person.texts), *exclusive.of("email")}
    texts |= {f"+{number}" for number in exclusive.of("phone")}
    texts |= _compared_forms(connection, person, ("email_key", "phone_key", "mobile_key"))
    cards = {*exclusive.of("card"), *_compared_forms(connection, person, ("card_key",))}
    cards |= {
        written
        for (written,) in connection.execute(
            "select distinct written from identifier where kind = 'card' and list_contains($cards, value)",
            {"cards": sorted(exclusive.of("card"))},
        ).fetchall()
    }
    return sorted(t for t in texts if len(t) > 5), sorted(cards), _persons(connection, person)


def _compared_forms(connection: duckdb.DuckDBPyConnection, person: Person, keys: tuple[str, ...]) -> set[str]:
    """Values of `identity.int_records_normalised` that only the person's records have."""
    present = connection.execute(
        "select column_name from duckdb_columns() where schema_name = 'identity' "
        "and table_name = 'int_records_normalised' and database_name = current_database()"
    ).fetchall()
    found: set[str] = set()
    for key in keys:
        if (key,) in present:
            rows = connection.execute(
                f"select {key} from identity.int_records_normalised where {key} is not null group by {key} "
                "having bool_and(list_contains($records, record_id))",
                {"records": list(person.record_ids)},
            ).fetchall()
            found |= {value for (value,) in rows}
    return found


def _persons(connection: duckdb.DuckDBPyConnection, person: Person) -> list[list[str]]:
    """Of names with address that nobody else has: names, street up to its number, postal code."""
    found: set[tuple[str, ...]] = set()
    for rule in PARTIES:
        for names in (("first_name", "last_name"), ("name",)):
            rows = connection.execute(
                f"select distinct {', '.join(f'trim({name})' for name in names)}, "
                f"trim(regexp_extract(street, '^[^0-9]+')), trim(postal_code) "
                f"from raw.{rule.contract.raw_name} "
                f"where list_contains($values, {person_sql(rule.contract)})",
                {"values": sorted(person.exclusive.of("person"))},
            ).fetchall()
            found |= {row for row in rows if all(part and len(part) > 1 for part in row)}
    return [list(row) for row in sorted(found)]
