"""The analysts' copy: every column of the published contract is decided on, and no person is in it."""

import duckdb
import pytest
from privacy_world import ANNA, BERT, NAME, SECRETS, STREET

from dagster_project.dbt_manifest import read_manifest
from privacy.key import Key
from privacy.pseudonyms import (
    IDS,
    LEFT_OUT,
    PSEUDONYMISED,
    TEXTS,
    column_sql,
    refresh_pseudonymised,
    write_pseudonymised,
)

PERSONAL = {
    "first_name", "last_name", "company_name", "email", "phone", "street", "house_no", "city", "birth_date",
    "postal_code", "title", "vat_id", "value", "referred_by", "customer_reference", "source_record_id",
    "evidence", "ip_hash", "subject", "address_line", "salutation_line", "reason", "details", "line_no",
}  # fmt: skip


@pytest.fixture
def copy(world):
    write_pseudonymised(world.home, world.key)
    with duckdb.connect(str(world.home.published / PSEUDONYMISED), read_only=True) as connection:
        yield connection


def test_no_person_is_in_it(copy):
    content = str(
        [
            copy.execute(f"from marts.{t}").fetchall()
            for (t,) in copy.execute("show tables from marts").fetchall()
        ]
    )
    for word in (*SECRETS, NAME, STREET, ANNA, BERT, "80331", "4711", "Biber"):
        assert word not in content
    assert copy.execute(
        "select postal_code_prefix, birth_year from marts.customer order by all"
    ).fetchall() == [
        ("803", 1980),
        ("803", None),
    ]


def test_pseudonyms_join_and_stay(world, copy):
    joined = copy.execute(
        "select net_amount from marts.sale join marts.customer using (customer_id) order by all"
    ).fetchall()
    assert joined == [(10,), (20,)]
    members = copy.execute("select unnest(member_customer_ids) from marts.household order by all").fetchall()
    customers = copy.execute("select customer_id from marts.customer order by all").fetchall()
    assert members == customers
    copy.close()
    assert refresh_pseudonymised(world.home, world.key) is False
    other = Key(b"another key that is long enough")
    assert refresh_pseudonymised(world.home, other) is True
    with duckdb.connect(str(world.home.published / PSEUDONYMISED), read_only=True) as again:
        fresh = again.execute("select customer_id from marts.customer order by all").fetchall()
    assert not set(fresh) & set(customers)


def test_the_copy_is_private_and_read_only(world, copy):
    assert (world.home.published / PSEUDONYMISED).stat().st_mode & 0o777 == 0o400


def test_a_text_column_that_nobody_listed_is_left_out():
    assert column_sql("nickname", "VARCHAR") is None
    assert column_sql("nicknames", "VARCHAR[]") is None
    assert column_sql("profile", "STRUCT(email VARCHAR)") is None
    assert column_sql("net_amount", "DECIMAL(18,4)") == '"net_amount"'


def test_every_text_column_of_the_contract_is_decided_on():
    known = {*IDS, *TEXTS, *PERSONAL}
    undecided = [
        f"{node['name']}.{name}"
        for node in read_manifest()["nodes"].values()
        if node["resource_type"] == "model" and node["schema"] == "marts" and node["name"] not in LEFT_OUT
        for name, column in node["columns"].items()
        if "varchar" in (column.get("data_type") or "varchar").lower() and name not in known
    ]
    assert undecided == []
    assert not PERSONAL & TEXTS
