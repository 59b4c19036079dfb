"""A home with a published database of a few customers and their consents."""

from collections.abc import Callable
from datetime import date

import duckdb
import pytest

from stammkunde.home import Home
from stammkunde.publish import publish

AS_OF = date(2026, 11, 20)

CUSTOMERS = [
    # customer_id, last_name, email, phone, is_junk
    ("c_1", "Müller", "anna@example.org", "+4930123451", False),
    ("c_2", "Öztürk", "bora@example.org", "+4930123452", False),
    ("c_3", "Weiß", "cem@example.org", None, False),
    ("c_4", "Łukasik", "dora@example.org", None, False),
    ("c_5", "Ohne Adresse", None, None, False),
    ("c_6", "Test", "test@example.org", None, True),
]
CONSENTS = [
    ("c_1", "email", "marketing", "granted"),
    ("c_1", "phone", "marketing", "withdrawn"),
    ("c_2", "email", "marketing", "withdrawn"),
    ("c_2", "phone", "marketing", "granted"),
    ("c_3", "email", "marketing", "unknown"),
    ("c_5", "email", "marketing", "granted"),
    ("c_6", "email", "marketing", "granted"),
]


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(tmp_path / "home").create()


@pytest.fixture
def publish_customers(home) -> Callable[..., None]:
    """publish_customers(customers, consents, as_of): makes the marts and publishes them."""

    def _publish(customers=CUSTOMERS, consents=CONSENTS, as_of=AS_OF) -> None:
        home.warehouse.unlink(missing_ok=True)
        with duckdb.connect(str(home.warehouse)) as connection:
            connection.execute(
                "create schema marts; create table marts.customer (customer_id varchar, last_name varchar, "
                "email varchar, phone varchar, is_junk boolean, salutation varchar, title varchar, "
                "first_name varchar, company_name varchar, postal_code varchar, city varchar, "
                "country varchar, lifecycle_stage varchar, source_systems varchar[], "
                "first_seen_at timestamp, balance_amount decimal(18, 2))"
            )
            connection.execute(
                "create table marts.consent (customer_id varchar, channel varchar, purpose varchar, "
                "status varchar, recorded_at timestamp)"
            )
            connection.execute(
                "create view marts.customer_360 as select *, 'champions' as segment, 'A' as value_class "
                "from marts.customer"
            )
            if customers:
                connection.executemany(
                    "insert into marts.customer by name select $1 as customer_id, $2 as last_name, "
                    "$3 as email, $4 as phone, $5 as is_junk, ['shop', 'webshop'] as source_systems, "
                    "timestamp '2025-01-02 03:04:05' as first_seen_at, -5.5 as balance_amount",
                    customers,
                )
            if consents:
                connection.executemany("insert into marts.consent values (?, ?, ?, ?, null)", consents)
        publish(home.warehouse, home, as_of)

    return _publish
