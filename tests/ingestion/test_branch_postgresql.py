"""The branch reader on a real PostgreSQL server."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import psycopg
import pyarrow as pa
import pytest
from postgresql_server import execute, running_postgresql

from ingestion.extract import Context, Message, Notice, Rows, SourceState, SourceUnavailable, Watermark
from ingestion.sources.branch.reader import extract
from stammkunde.config import BranchSource

SCHEMA = """
drop schema if exists public cascade;
create schema public;
create table customer(customer_no text primary key, kind text, first_name text, last_name text, street text,
  email text, loyalty_card_no text, birth_date date, created_at timestamp, updated_at timestamptz,
  deleted_at timestamptz);
create table sales_order(order_no text primary key, customer_no text, ordered_at timestamp not null,
  status text, updated_at timestamp);
create table sales_order_line(order_no text, line_no int, product_no text, quantity numeric(10,3),
  net_amount numeric(12,2), tax_amount money, unit_cost numeric, primary key (order_no, line_no));
create table product(product_no text primary key, name text, list_price numeric);
insert into customer values
 ('K1', 'person', 'Änne', 'O''Neill', 'Weg "am" Tor'||chr(10)||'2. OG', 'a@b.de', '', '1980-02-29',
  '2024-01-01 10:00', '2024-05-01 12:00+02', null),
 ('K2', 'company', null, null, 'a,b;c', null, null, null, null, '2024-06-01 12:00:00.123456+02', now()),
 ('K3', 'person', 'Nie', 'Geändert', null, null, null, null, null, null, null);
insert into sales_order values
 ('O1', 'K1', '2024-05-01 09:00', 'done', '2024-05-01 09:00'),
 ('O2', 'K9', '2024-06-01 09:00', 'done', '2024-06-01 09:00');
insert into sales_order_line values
 ('O1', 1, 'P1', 2, 19.98, 3.80, 5),
 ('O2', 1, 'P1', 1, 9.99, 1.90, 5), ('O2', 2, 'P2', -1, -4.00, null, null);
insert into product values ('P1', 'Kanne', 12.5), ('P2', 'Tasse', 4);
"""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running_postgresql() as url:
        yield url


@pytest.fixture
def url(server: str) -> str:
    execute(server, SCHEMA)
    return server


def read(url: str, context: Context | None = None, schema: str | None = None) -> list[Message]:
    settings = BranchSource.model_validate({"url": url, "schema": schema})
    return list(extract(settings, context or Context(as_of=date(2024, 7, 1))))


def rows(messages: list[Message], table: str) -> list[dict]:
    batches = [m.data for m in messages if isinstance(m, Rows) and m.table == table]
    return pa.concat_tables(batches).to_pylist() if batches else []


def watermarks(messages: list[Message]) -> dict[str, datetime]:
    return {m.table: m.value for m in messages if isinstance(m, Watermark)}


def notices(messages: list[Message]) -> str:
    return "\n".join(m.text for m in messages if isinstance(m, Notice))


def test_every_value_arrives_as_it_is(url: str) -> None:
    messages = read(url)
    first, second, third = rows(messages, "customer")
    assert first["street"] == 'Weg "am" Tor\n2. OG'
    assert first["loyalty_card_no"] == ""  # the empty text is not NULL
    assert second["loyalty_card_no"] is None
    assert first["first_name"] == "Änne" and first["last_name"] == "O'Neill"
    assert first["birth_date"] == "1980-02-29"
    assert first["created_at"] == "2024-01-01 10:00:00"  # no zone: the company's local time
    assert first["updated_at"] == "2024-05-01 10:00:00Z"
    assert second["updated_at"] == "2024-06-01 10:00:00.123456Z"
    assert third["updated_at"] is None
    lines = rows(messages, "sales_order_line")
    assert [line["quantity"] for line in lines] == ["2.000", "1.000", "-1.000"]
    assert [line["tax_amount"] for line in lines] == ["3.80", "1.90", None]
    batch = next(m for m in messages if isinstance(m, Rows) and m.table == "sales_order_line")
    assert batch.lines.to_pylist() == [1, 2, 3] and batch.file == "sales_order_line"


def test_only_contract_columns_are_read_and_gaps_are_told(url: str) -> None:
    execute(url, "alter table customer add column password_hash text default 'x'")
    messages = read(url)
    assert "password_hash" not in rows(messages, "customer")[0]
    said = notices(messages)
    assert "optional table 'visit' is missing" in said
    assert "'product' has no category, unit_cost" in said


def test_watermark_is_read_inclusively_with_lines_of_the_changed_orders(url: str) -> None:
    first = read(url)
    assert watermarks(first) == {
        "customer": datetime.fromisoformat("2024-06-01 10:00:00.123456"),
        "sales_order": datetime.fromisoformat("2024-06-01 07:00:00"),  # 09:00 in Berlin
    }
    state = SourceState(watermarks=watermarks(first))
    again = read(url, Context(as_of=date(2024, 7, 1), state=state))
    assert [r["customer_no"] for r in rows(again, "customer")] == ["K2", "K3"]  # K3 has no updated_at
    assert [r["order_no"] for r in rows(again, "sales_order")] == ["O2"]
    assert [(r["order_no"], r["line_no"]) for r in rows(again, "sales_order_line")] == [
        ("O2", "1"),
        ("O2", "2"),
    ]
    assert len(rows(again, "product")) == 2
    assert watermarks(again) == watermarks(first)
    whole = read(url, Context(as_of=date(2024, 7, 1), state=state, full=True))
    assert len(rows(whole, "customer")) == 3 and len(rows(whole, "sales_order_line")) == 3


def test_a_date_far_in_the_future_does_not_hide_later_changes(url: str) -> None:
    execute(url, "update customer set updated_at = '2999-01-01' where customer_no = 'K1'",
            "insert into customer(customer_no, updated_at)"
            " values ('K4', 'infinity'), ('K5', '-infinity')")  # fmt: skip
    messages = read(url)
    assert watermarks(messages)["customer"] == datetime.fromisoformat("2024-06-01 10:00:00.123456")
    assert {r["customer_no"]: r["updated_at"] for r in rows(messages, "customer")}["K4"] == "infinity"


def test_all_tables_come_from_one_snapshot(url: str) -> None:
    seen: list[Message] = []
    for message in extract(BranchSource(url=url), Context(as_of=date(2024, 7, 1))):
        if isinstance(message, Rows) and message.table == "customer":
            execute(url, "insert into sales_order values ('O3', 'K1', now(), 'new', now())",
                    "insert into sales_order_line values ('O3', 1, 'P1', 1, 1, 1, 1)")  # fmt: skip
        seen.append(message)
    assert len(rows(seen, "sales_order")) == 2 and len(rows(seen, "sales_order_line")) == 3


def test_nothing_can_be_written_through_the_reader(url: str) -> None:
    from sqlalchemy.exc import InternalError

    from ingestion.sources.branch.connection import parse_url, snapshot

    with snapshot(parse_url(url)) as connection, pytest.raises(InternalError, match="read-only"):
        connection.exec_driver_sql("delete from customer")


def test_quoted_upper_case_names_views_and_aliases_in_another_schema(url: str) -> None:
    execute(url, 'drop schema if exists "ERP" cascade', 'create schema "ERP"',
            'create table "ERP"."Kunde"("Customer_No" text, "CARD_NO" text, "Updated_At" timestamptz)',
            """insert into "ERP"."Kunde" values ('K7', 'L7', '2024-01-01 00:00+00')""",
            'create view "ERP"."CUSTOMER" as select * from "ERP"."Kunde"')  # fmt: skip
    messages = read(url, schema="erp")
    assert rows(messages, "customer") == [
        {"customer_no": "K7", "loyalty_card_no": "L7", "updated_at": "2024-01-01 00:00:00Z"}
    ]
    assert watermarks(messages)["customer"] == datetime.fromisoformat("2024-01-01 00:00:00")
    with pytest.raises(SourceUnavailable, match="no schema 'nowhere'"):
        read(url, schema="nowhere")


def test_batches_are_bounded_and_numbered_through(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingestion.sources.branch.fetch.BATCH_ROWS", 4_096)
    execute(
        url, "insert into sales_order_line select 'X', i, 'P1', 1, 1, 1, 1 from generate_series(1, 10000) i"
    )
    batches = [m for m in read(url) if isinstance(m, Rows) and m.table == "sales_order_line"]
    assert [m.data.num_rows for m in batches] == [4096, 4096, 1811]
    assert [m.lines[0].as_py() for m in batches] == [1, 4097, 8193]


def test_no_updated_at_reads_whole_and_says_so(url: str) -> None:
    execute(url, "alter table sales_order drop column updated_at",
            "alter table customer alter column updated_at type text")  # fmt: skip
    state = SourceState(
        watermarks={
            "sales_order": datetime.fromisoformat("2030-01-01 00:00:00"),
            "customer": datetime.fromisoformat("2030-01-01 00:00:00"),
        }
    )
    messages = read(url, Context(as_of=date(2024, 7, 1), state=state))
    assert len(rows(messages, "sales_order")) == 2 and len(rows(messages, "sales_order_line")) == 3
    assert len(rows(messages, "customer")) == 3 and not watermarks(messages)
    assert "'sales_order' has no usable updated_at and is read whole" in notices(messages)


def test_a_clock_change_loses_no_order(url: str) -> None:
    """27.10.2024: the hour from 02:00 to 03:00 comes twice; the second 02:10 follows the first 02:50."""
    execute(url, "insert into sales_order values ('W1', 'K1', now(), 'x', '2024-10-27 02:50')")
    context = Context(as_of=date(2024, 10, 28))
    state = SourceState(watermarks=watermarks(read(url, context)))
    execute(url, "insert into sales_order values ('W2', 'K1', now(), 'x', '2024-10-27 02:10')")
    again = read(url, replace(context, state=state))
    assert [r["order_no"] for r in rows(again, "sales_order")] == ["W1", "W2"]


def test_missing_required_table_and_column_are_named(url: str) -> None:
    execute(url, "alter table sales_order_line drop column net_amount")
    with pytest.raises(
        SourceUnavailable, match="'sales_order_line' lacks the required column net_amount; it has"
    ):
        read(url)
    execute(url, "drop table sales_order_line", "alter table customer rename to client")
    with pytest.raises(SourceUnavailable, match="required table 'customer' is missing; tables there: client"):
        read(url)


def test_missing_permission_is_told_and_repaired(url: str) -> None:
    execute(url, "drop role if exists clerk", "create role clerk login password 'geheim'",
            "grant usage on schema public to clerk", "grant select on all tables in schema public to clerk",
            "revoke select on sales_order from clerk")  # fmt: skip
    clerk = url.replace("postgres:@", "clerk:geheim@")
    with pytest.raises(
        SourceUnavailable, match=r"reading table 'sales_order' .* permission denied"
    ) as caught:
        read(clerk)
    assert "geheim" not in str(caught.value)
    execute(url, "grant select on sales_order to clerk")
    assert len(rows(read(clerk), "sales_order")) == 2
    execute(url, "drop owned by clerk", "drop role clerk")


def test_unknown_user_and_unknown_database(url: str) -> None:
    with pytest.raises(
        SourceUnavailable, match=r"connecting at postgresql://.* failed: .*nobody.* does not exist"
    ) as caught:
        read(url.replace("postgres:@", "nobody:geheim@"))
    assert "geheim" not in str(caught.value)
    with pytest.raises(SourceUnavailable, match='database "elsewhere" does not exist'):
        read(url.replace("/postgres?", "/elsewhere?"))


def test_unreachable_server_names_the_address_without_the_password() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(
        SourceUnavailable, match=rf"postgresql://127\.0\.0\.1:{port}/erp failed: .*refused"
    ) as caught:
        read(f"postgresql://clerk:geheim@127.0.0.1:{port}/erp")
    assert "geheim" not in str(caught.value) and "clerk" not in str(caught.value)


def test_connection_lost_while_reading(url: str) -> None:
    execute(url, "insert into customer(customer_no) select 'N' || i from generate_series(1, 300000) i")
    messages = extract(BranchSource(url=url), Context(as_of=date(2024, 7, 1)))
    with pytest.raises(SourceUnavailable, match=r"reading table '\w+' at postgresql://.* failed: "):
        for message in messages:
            if isinstance(message, Rows):
                execute(url, "select pg_terminate_backend(pid) from pg_stat_activity"
                             " where pid <> pg_backend_pid() and datname is not null")  # fmt: skip
    assert len(rows(read(url), "customer")) == 300_003


@pytest.mark.parametrize("text", ["no url at all", "postgresql//x:geheim@y", ""])
def test_broken_url_is_not_repeated(text: str) -> None:
    with pytest.raises(SourceUnavailable, match="no SQLAlchemy URL") as caught:
        read(text)
    assert "geheim" not in str(caught.value)


def test_absent_driver_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="driver for oracle is not installed"):
        read("oracle://x:geheim@y/z")
    with pytest.raises(SourceUnavailable, match="driver for nosuch is not installed"):
        read("nosuch://x:geheim@y/z")


def test_a_reader_that_is_left_early_ends_at_once(url: str) -> None:
    execute(url, "insert into customer(customer_no) select 'N' || i from generate_series(1, 300000) i")
    messages = extract(BranchSource(url=url), Context(as_of=date(2024, 7, 1)))
    assert next(m for m in messages if isinstance(m, Rows)).data.num_rows >= 65_536
    messages.close()
    others = "select count(*) from pg_stat_activity where datname is not null and pid <> pg_backend_pid()"
    with psycopg.connect(url) as connection:
        assert connection.execute(others).fetchone() == (0,)


@pytest.mark.parametrize("driver", ["postgresql+psycopg2", "postgresql+asyncpg", "postgres"])
def test_any_driver_in_the_url_is_read_with_ours(url: str, driver: str) -> None:
    assert len(rows(read(url.replace("postgresql", driver, 1)), "product")) == 2
