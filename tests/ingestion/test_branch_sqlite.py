"""The branch reader on SQLite, which keeps any value in any column."""

import sqlite3
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from ingestion.extract import Context, Message, Rows, SourceState, SourceUnavailable, Watermark
from ingestion.sources.branch.reader import extract
from stammkunde.config import BranchSource

CONTEXT = Context(as_of=date(2024, 7, 1))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "erp.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript("""
            create table customer(customer_no text, last_name text, birth_date date, updated_at datetime);
            create table SALES_ORDER(Order_No text, ordered_at datetime, updated_at datetime);
            create table sales_order_line(order_no text, line_no int, quantity real, net_amount real);
            insert into customer values ('K1', 'Ödön', '31.02.2024', '2024-05-01 12:00:00'),
              (7, '', null, '2024-06-01T12:00:00'), ('K3', null, '1980-01-01', 'gestern');
            insert into SALES_ORDER values ('O1', '2024-05-01', '2024-05-01'),
              ('O2', '2024-06-01', '2024-06-01');
            insert into sales_order_line values ('O1', 1, 2, 19.99), ('O2', 1, 0.1, 'zehn'), ('O9', 1, 1, 1);
        """)
    return path


def read(path: Path, context: Context = CONTEXT) -> list[Message]:
    return list(extract(BranchSource(url=f"sqlite:///{path}"), context))


def rows(messages: list[Message], table: str) -> list[dict]:
    batches = [m.data for m in messages if isinstance(m, Rows) and m.table == table]
    return pa.concat_tables(batches).to_pylist() if batches else []


def test_odd_values_arrive_as_text_for_landing_to_judge(path: Path) -> None:
    messages = read(path)
    assert rows(messages, "customer") == [
        {"customer_no": "7", "last_name": "", "birth_date": None, "updated_at": "2024-06-01T12:00:00"},
        {"customer_no": "K1", "last_name": "Ödön", "birth_date": "31.02.2024",
         "updated_at": "2024-05-01 12:00:00"},
        {"customer_no": "K3", "last_name": None, "birth_date": "1980-01-01", "updated_at": "gestern"},
    ]  # fmt: skip
    assert [r["net_amount"] for r in rows(messages, "sales_order_line")] == ["19.99", "zehn", "1.0"]
    assert len(rows(messages, "sales_order")) == 2


def test_incremental_by_julian_day(path: Path) -> None:
    messages = read(path)
    state = SourceState(watermarks={m.table: m.value for m in messages if isinstance(m, Watermark)})
    assert state.watermarks == {
        "customer": datetime.fromisoformat("2024-06-01 12:00:00"),
        "sales_order": datetime.fromisoformat("2024-06-01 00:00:00"),
    }
    again = read(path, Context(as_of=CONTEXT.as_of, state=state))
    assert [r["customer_no"] for r in rows(again, "customer")] == ["7", "K3"]  # K3: no time that can be read
    assert [r["order_no"] for r in rows(again, "sales_order_line")] == ["O2"]
    with sqlite3.connect(path) as connection:
        connection.execute("update SALES_ORDER set updated_at = '2024-06-20 08:00:00' where Order_No = 'O1'")
    changed = read(path, Context(as_of=CONTEXT.as_of, state=state))
    assert [r["order_no"] for r in rows(changed, "sales_order_line")] == ["O1", "O2"]


def test_a_missing_file_is_an_error_and_is_not_created(tmp_path: Path) -> None:
    absent = tmp_path / "absent.sqlite"
    with pytest.raises(SourceUnavailable, match=r"absent\.sqlite: there is no such database file"):
        read(absent)
    assert not absent.exists()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "erp.sqlite"
    path.write_text("customer_no;last_name\n" * 100)
    with pytest.raises(SourceUnavailable, match="file is not a database"):
        read(path)


def test_a_writer_is_not_seen_half(path: Path) -> None:
    """All tables are read in the state of the first statement."""
    with sqlite3.connect(path) as connection:
        connection.execute("pragma journal_mode = wal")
    seen: list[Message] = []
    for message in extract(BranchSource(url=f"sqlite:///{path}"), CONTEXT):
        if isinstance(message, Rows) and message.table == "customer":
            with sqlite3.connect(path) as connection:
                connection.execute("insert into sales_order_line values ('O1', 2, 1, 1)")
        seen.append(message)
    assert len(rows(seen, "sales_order_line")) == 3


def test_binary_in_a_text_column_is_refused_by_name(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("insert into customer values ('K4', cast(x'ff41' as text), null, null)")
    with pytest.raises(SourceUnavailable, match=r"reading table 'customer' .*decode to UTF-8"):
        read(path)
