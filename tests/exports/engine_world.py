"""A published database of customers for the engine's tests, and one call that syncs them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import duckdb
from fakes.crm_destination import CrmDestination
from fakes.fake_crm import FakeCrm

from exports.engine.plan import Plan
from exports.engine.retry import Patience
from exports.engine.run import Options, SyncResult, apply_sync, plan_sync
from exports.sync import Sync
from stammkunde.home import Home
from stammkunde.publish import publish

AS_OF = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
PATIENCE = Patience(base_seconds=0.002, longest_seconds=0.01, attempts=40, seed=1)


def crm_sync(**changes) -> Sync:
    return Sync.model_validate(
        {
            "name": "crm_profiles",
            "exposure": "crm_profiles",
            "model": "customer_360",
            "key": "customer_id",
            "identity": "email",
            "mapping": {"customer_id": "id", "first_name": "first_name", "email": "email", "city": "city"},
            "consent": {"channel": "email", "purpose": "marketing"},
            "destination": "crm",
            **changes,
        }
    )


@dataclass
class Person:
    customer_id: str
    first_name: str = "Anna"
    city: str = "Berlin"
    consent: str | None = "granted"
    email: str | None = None

    def __post_init__(self) -> None:
        self.email = f"{self.customer_id}@example.org" if self.email is None else self.email


@dataclass
class World:
    """People of the published database and the fake they are synced to."""

    home: Home
    crm: FakeCrm
    style: str = "upsert"
    batch_size: int = 3
    people: dict[str, Person] = field(default_factory=dict)
    successors: list[tuple[str, str]] = field(default_factory=list)

    def have(self, *people: Person | str) -> None:
        for one in people:
            person = Person(one) if isinstance(one, str) else one
            self.people[person.customer_id] = person
        self.publish()

    def publish(self) -> None:
        publish_people(self.home, list(self.people.values()), self.successors)

    def destination(self, **changes) -> CrmDestination:
        return CrmDestination(self.crm.url, self.style, self.batch_size, **changes)

    def plan(self, sync: Sync | None = None) -> Plan:
        return plan_sync(sync or crm_sync(), self.home, self.destination())

    def apply(self, sync: Sync | None = None, destination=None, **options) -> SyncResult:
        chosen = Options(**{"patience": PATIENCE, "sleep": lambda seconds: None, **options})
        return apply_sync(
            sync or crm_sync(), self.home, destination or self.destination(), AS_OF, lambda: NOW, chosen
        )

    def at_crm(self) -> dict[str, str]:
        """key: city of every contact that is in use and subscribed."""
        return {
            contact["key"]: contact["fields"].get("city")
            for contact in self.crm.contacts.values()
            if contact["subscribed"] and not contact["archived"]
        }


def publish_people(home: Home, people: Sequence[Person], successors: Sequence[tuple[str, str]] = ()) -> None:
    home.warehouse.unlink(missing_ok=True)
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute(
            "create schema marts; create table marts.customer_360 (customer_id varchar, first_name varchar, "
            "city varchar, email varchar, value_class varchar, churn_probability double, orders bigint, "
            "last_purchase_date date); "
            "create table marts.consent (customer_id varchar, channel varchar, purpose varchar, "
            "status varchar); "
            "create table marts.previous_customer_id (previous_customer_id varchar, customer_id varchar)"
        )
        if people:
            connection.executemany(
                "insert into marts.customer_360 by name select ? as customer_id, ? as first_name, ? as city, "
                "? as email, 'A' as value_class, 0.5 as churn_probability, 3 as orders",
                [(p.customer_id, p.first_name, p.city, p.email) for p in people],
            )
        granted = [(p.customer_id, "email", "marketing", p.consent) for p in people if p.consent]
        if granted:
            connection.executemany("insert into marts.consent values (?, ?, ?, ?)", granted)
        if successors:
            connection.executemany("insert into marts.previous_customer_id values (?, ?)", successors)
        connection.execute("create view marts.customer as select * from marts.customer_360")
    publish(home.warehouse, home, AS_OF)
