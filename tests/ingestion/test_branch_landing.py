"""The branch database through landing into raw: counts, increments, quarantine."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from postgresql_server import execute, running_postgresql

from ingestion.extract import SourceUnavailable
from ingestion.raw import register_raw
from ingestion.run import LoadResult, ingest
from stammkunde.config import Config
from stammkunde.home import Home

AS_OF = date(2024, 7, 1)
SCHEMA = """
drop schema if exists public cascade; create schema public;
create table customer(customer_no text, kind text, last_name text, birth_date text, updated_at timestamptz);
create table sales_order(order_no text, customer_no text, ordered_at timestamp, updated_at timestamptz);
create table sales_order_line(order_no text, line_no int, quantity numeric(10,3), net_amount numeric(12,2),
  discount_amount numeric);
create table product(product_no text, name text, list_price numeric);
insert into customer select 'K' || i, 'person', 'Name' || i, null,
  timestamptz '2024-01-01 00:00+00' + i * interval '1 hour' from generate_series(1, 1000) i;
insert into customer values ('X1', 'robot', 'A', null, '2024-01-01'),
  ('X2', 'person', 'B', '31.02.2024', null),
  (null, 'person', 'C', null, '2024-01-01');
insert into sales_order select 'O' || i, 'K' || i, '2024-03-31 02:30', timestamptz '2024-04-01 00:00+00' +
  i * interval '1 hour' from generate_series(1, 1000) i;
insert into sales_order values ('OX', 'K99999', '2024-03-01', '2024-04-01');
insert into sales_order_line select 'O' || i, l, 1.234, 9.99, case when i = 7 then -1 end
  from generate_series(1, 1000) i, generate_series(1, 2) l;
insert into product values ('P1', 'Kanne', 1.5), ('P2', 'Tasse', -2);
"""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running_postgresql() as url:
        yield url


@pytest.fixture
def url(server: str) -> str:
    execute(server, SCHEMA)
    return server


def load(url: str, folder: Path, full: bool = False) -> LoadResult:
    config = Config.model_validate({"sources": {"branch": {"url": url}}})
    return ingest("branch", config, Home(folder).create(), AS_OF, full=full)


def query(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        register_raw(connection, Home(folder))
        return connection.execute(sql).fetchall()


def counts(result: LoadResult) -> dict[str, tuple[int, int, int]]:
    return {
        n: (c.rows_read, c.rows_loaded, c.rows_quarantined) for n, c in result.tables.items() if c.rows_read
    }


def test_read_is_loaded_plus_quarantined(url: str, tmp_path: Path) -> None:
    result = load(url, tmp_path)
    assert counts(result) == {
        "customer": (1003, 1000, 3),
        "sales_order": (1001, 1001, 0),
        "sales_order_line": (2000, 1998, 2),
        "product": (2, 1, 1),
    }
    reasons = query(tmp_path, "select table_name, line, field, reason from raw.quarantine order by all")
    assert ("customer", 1003, "customer_no", "required, but empty") in reasons
    assert {(t, f) for t, _, f, _ in reasons} == {
        ("customer", "kind"), ("customer", "birth_date"), ("customer", "customer_no"),
        ("sales_order_line", "discount_amount"), ("product", "list_price"),
    }  # fmt: skip
    assert any("'visit' is missing" in notice for notice in result.notices)
    # An order of a customer that nobody knows is kept: raw says what the source said.
    assert query(tmp_path, "select customer_no from raw.branch__sales_order where order_no = 'OX'") == [
        ("K99999",)
    ]
    # 1.234 is a number of the database, no thousand; 02:30 on 31 March 2024 does not exist in Berlin.
    lines = query(tmp_path, "select distinct quantity, net_amount from raw.branch__sales_order_line")
    assert [tuple(map(str, line)) for line in lines] == [("1.2340", "9.9900")]
    ordered = query(tmp_path, "select distinct ordered_at from raw.branch__sales_order where order_no = 'O1'")
    assert str(ordered[0][0]) == "2024-03-31 01:00:00"


def test_second_run_is_no_load_and_a_change_is_only_itself(url: str, tmp_path: Path) -> None:
    assert load(url, tmp_path).load_id == "000001"
    again = load(url, tmp_path)
    assert again.load_id is None and not counts(again)
    assert not (tmp_path / "landing" / "branch" / "000002").exists()

    execute(url, "update customer set last_name = 'Neu', updated_at = '2024-06-30' where customer_no = 'K5'",
            "update sales_order_line set net_amount = 5 where order_no = 'O9' and line_no = 1",
            "update sales_order set updated_at = '2024-06-30' where order_no = 'O9'")  # fmt: skip
    changed = load(url, tmp_path)
    assert counts(changed) == {"customer": (1, 1, 0), "sales_order": (1, 1, 0), "sales_order_line": (2, 2, 0)}
    assert load(url, tmp_path).load_id is None
    assert load(url, tmp_path, full=True).load_id == "000003"


def test_a_repaired_row_is_loaded(url: str, tmp_path: Path) -> None:
    load(url, tmp_path)
    execute(
        url,
        "update customer set birth_date = '1980-02-29', updated_at = '2024-06-30' where customer_no = 'X2'",
    )
    assert counts(load(url, tmp_path)) == {"customer": (1, 1, 0)}


def test_a_failed_run_leaves_nothing_and_the_next_repairs(url: str, tmp_path: Path) -> None:
    execute(url, "alter table product rename column product_no to sku")
    with pytest.raises(SourceUnavailable, match="'product' lacks the required column product_no"):
        load(url, tmp_path)
    assert list((tmp_path / "landing" / "branch").glob("[0-9]*")) == []
    execute(url, "alter table product rename column sku to product_no")
    assert load(url, tmp_path).total.rows_read == 4006
