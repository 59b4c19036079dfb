"""A handful of people, each there for one rule, and dbt from their raw records to the golden marts.

Who is who is given, not resolved: these tests are about values.
"""

import shutil
from pathlib import Path

import duckdb
from dbt_project import Warehouse, at

from stammkunde.golden.corrections import write_corrections
from stammkunde.golden.survivorship import load_survivorship

WANTED = ("customer_attribute", "customer", "household", "account_contact", "account", "referral")
MARTS = " ".join(f"+{mart}" for mart in WANTED)
AFTER_STAGING = " ".join(f"+{mart},source:identity+ +{mart},source:golden+" for mart in WANTED)
"""What a change of who is who or of a correction changes; the staging is there already."""
CUSTOMERS = {
    "c_maria": ("shop:M1", "branch:B1", "webshop:W1", "leads:L1"),
    "c_peter": ("shop:M2",),
    "c_flat": ("shop:M3",),
    "c_otto": ("shop:M4", "webshop:W2", "leads:L2"),
    "c_firm": ("branch:B2", "webshop:W3"),
    "c_office": ("branch:B3",),
    "c_jan": ("leads:L3",),
}  # fmt: skip
MARIA = {"first_name": "Maria", "last_name": "Müller"}
HOME = {"street": "Neue Gasse", "house_no": "9", "postal_code": "80333", "city": "München"}


def make_world(directory: Path) -> Warehouse:
    """The warehouse with its raw records and assignment; nothing is built yet."""
    warehouse = Warehouse(directory)
    warehouse.load(
        "shop__loyalty",
        {**MARIA, "member_no": "M1", "card_no": "C1", "email": "maria@old.de",
         "phone": "089 5550123", "street": "Lange Straße 5", "postal_code": "80331", "city": "München",
         "birth_date": "1980-05-01", "store_id": "F1", "issued_at": at("2019-01-01"),
         "updated_at": at("2019-01-01"), "consent_post": True},
        # her husband, at her new address
        {"member_no": "M2", "first_name": "Peter", "last_name": "Müller", **HOME,
         "birth_date": "1978-01-01", "issued_at": at("2020-01-01")},
        # another flat of the house
        {"member_no": "M3", "first_name": "Lena", "last_name": "Schulz", **HOME,
         "issued_at": at("2020-01-01")},
        {"member_no": "M4", "first_name": "Otto", "last_name": "Weber", "phone": "0221 4711471",
         "email": "otto@works.de", "birth_date": "1900-01-01", "issued_at": at("2020-01-01")},
    )  # fmt: skip
    warehouse.load(
        "branch__customer",
        {**MARIA, "customer_no": "B1", "kind": "person", "salutation": "Frau", "phone": "0170 1234599",
         **HOME, "birth_date": "1980-05-01", "branch_id": "B", "created_at": at("2021-01-01"),
         "updated_at": at("2024-01-01")},
        {"customer_no": "B2", "kind": "company", "company_name": "Bau Krause GmbH", "first_name": "Eva",
         "last_name": "Krause", "vat_id": "DE136695976", "email": "info@bau-krause.de",
         "created_at": at("2019-01-01")},
        {"customer_no": "B3", "kind": "company", "company_name": "Bau Krause Niederlassung Ulm",
         "created_at": at("2020-01-01")},
    )  # fmt: skip
    warehouse.load(
        "webshop__customers",
        # a title, another spelling of the same name, an e-mail address that bounces
        {**MARIA, "last_name": "Mueller", "customer_id": "W1", "title": "Dr.", "email": "maria@bounces.de",
         "birth_date": "1980-01-05", "street": "Neue Gasse 9", "postal_code": "80333", "country": "DE",
         "created_at": at("2022-01-01"), "updated_at": at("2023-01-01")},
        {"customer_id": "W2", "first_name": "O.", "last_name": "Weber", "updated_at": at("2025-01-01")},
        {"customer_id": "W3", "company": "Bau Krause", "first_name": "Jan", "last_name": "Vogt",
         "email": "jan@bau-krause.de", "updated_at": at("2025-01-01")},
    )  # fmt: skip
    warehouse.load(
        "leads__leads",
        {**MARIA, "lead_id": "L1", "captured_at": at("2026-01-01"), "source": "fair",
         "email": "maria@lead.de", "phone": "0151 23456789", "street": "Leadweg 1",
         "postal_code": "10115", "city": "Berlin"},
        {"lead_id": "L2", "captured_at": at("2018-01-01"), "source": "form", "campaign": "spring",
         "first_name": "Otto", "last_name": "Weber", "phone": "0151 99998888", "city": "Köln",
         "referred_by": "Maria Müller"},
        {"lead_id": "L3", "captured_at": at("2026-01-01"), "source": "form", "name": "Jan Vogt",
         "company": "Bau Krause", "email": "jan.vogt@bau-krause.de", "referred_by": "C1"},
    )  # fmt: skip
    warehouse.load(
        "touchpoints__mail_events",
        {"event": "hard_bounce", "email": "maria@bounces.de", "ts": at("2025-01-01")},
    )  # fmt: skip
    warehouse.execute(
        "create schema identity",
        "create table identity.identity_assignment (record_id varchar, customer_id varchar, "
        "match_probability double, matched_by varchar, linked_at timestamp)",
        "create table identity.customer_id_event (event varchar, customer_id varchar, "
        "previous_customer_id varchar, happened_at timestamp, reason varchar)",
    )
    assign(warehouse, CUSTOMERS)
    return warehouse


def copy_of(built: Warehouse, directory: Path) -> Warehouse:
    """A built world of one's own."""
    shutil.copy(built.path, directory)
    return Warehouse.at(directory)


def assign(warehouse: Warehouse, customers: dict[str, tuple[str, ...]]) -> None:
    warehouse.execute(
        "delete from identity.identity_assignment",
        *(
            "insert into identity.identity_assignment values "
            f"('{record}', '{customer}', 1, 'test', '2026-01-01')"
            for customer, records in customers.items()
            for record in records
        ),
    )


def build(warehouse: Warehouse, select: str = MARTS, **survivorship) -> None:
    """Corrections, then dbt; `survivorship` replaces rules of groups."""
    with duckdb.connect(str(warehouse.path)) as connection:
        write_corrections(connection, warehouse.directory / "corrections.jsonl")
    rules = load_survivorship().dbt_var()
    for group, rule in survivorship.items():
        rules[group] |= rule
    warehouse.dbt(
        "build",
        "--select",
        *select.split(),
        "--exclude-resource-type",
        "test",
        "unit_test",
        survivorship=rules,
    )


def values(warehouse: Warehouse, customer: str) -> dict[str, str]:
    rows = warehouse.query(
        f"select attribute, value from marts.customer_attribute where customer_id = '{customer}'"
    )
    return dict(rows)
