"""Both webshop platforms through landing into raw: counts, increments, refused files."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from shopware_shop import ID, SECRET, customers, order_lines, orders, serve, write_shop

from ingestion.demo.shopware_api import create_app
from ingestion.extract import SourceUnavailable
from ingestion.raw import register_raw
from ingestion.run import LoadResult, ingest
from stammkunde.config import Config
from stammkunde.home import Home

AS_OF = date(2024, 6, 1)
TABLES = ("customers", "orders", "order_lines", "products")


def load(settings: dict[str, Any], home: Path) -> LoadResult:
    config = Config.model_validate({"sources": {"webshop": settings}})
    return ingest("webshop", config, Home(home).create(), AS_OF)


def api(url: str) -> dict[str, Any]:
    return {"platform": "shopware", "url": url, "client_id": ID, "client_secret": SECRET, "page_size": 5}


def files(folder: Path) -> dict[str, Any]:
    return {"platform": "files", "path": str(folder)}


def query(home: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        register_raw(connection, Home(home))
        return connection.execute(sql).fetchall()


def counts(result: LoadResult) -> dict[str, tuple[int, int, int]]:
    return {
        n: (c.rows_read, c.rows_loaded, c.rows_quarantined) for n, c in result.tables.items() if c.rows_read
    }


def contents(home: Path, table: str) -> list[tuple[Any, ...]]:
    lineage = "_load_id, _source_file, _source_line, _row_hash"
    return sorted(query(home, f"select * exclude ({lineage}) from raw.webshop__{table}"), key=repr)


def test_shopware_counts_increment_and_quarantine(tmp_path: Path) -> None:
    home, n = tmp_path / "home", len(order_lines())
    with serve(create_app(write_shop(tmp_path / "shop"), ID, SECRET)) as url:
        first = load(api(url), home)
        again = load(api(url), home)
    assert counts(first) == {
        "customers": (7, 7, 0), "orders": (12, 11, 1), "order_lines": (n, n - 2, 2), "products": (3, 3, 0),
    }  # fmt: skip
    assert again.load_id is None and not counts(again)
    reasons = query(home, "select distinct table_name, reason from raw.quarantine order by all")
    assert reasons == [
        (t, "the order is in CHF, the company's currency is EUR") for t in ("order_lines", "orders")
    ]

    people = customers()
    people[3]["city"], people[3]["updated_at"] = "Köln", datetime.fromisoformat("2024-05-01")
    with serve(create_app(write_shop(tmp_path / "shop", customers=people), ID, SECRET)) as url:
        assert counts(load(api(url), home)) == {"customers": (1, 1, 0)}


def test_both_platforms_give_the_same_rows(tmp_path: Path) -> None:
    """The API, Parquet files and CSV files of the same shop."""
    bought = [o for o in orders() if o["currency"] == "EUR"]
    kept = {o["order_id"] for o in bought}
    lines = [x for x in order_lines() if x["order_id"] in kept]
    people = [{**c, "street": f"{c['street']} {c['house_no']}", "house_no": None} for c in customers()]
    shop = write_shop(tmp_path / "shop", orders=bought, order_lines=lines, customers=people)
    (tmp_path / "csv").mkdir()
    for name in TABLES:
        table = pq.read_table(shop / f"{name}.parquet")
        zoned = [
            f.with_type(pa.timestamp("ms", "UTC")) if pa.types.is_timestamp(f.type) else f
            for f in table.schema
        ]
        pa_csv.write_csv(table.cast(pa.schema(zoned)), tmp_path / "csv" / f"{name}-2024.csv")
        pq.write_table(table.cast(pa.schema(zoned)), tmp_path / "shop" / f"{name}.parquet")
    with serve(create_app(shop, ID, SECRET)) as url:
        load(api(url), tmp_path / "a")
    load(files(shop), tmp_path / "b")
    load(files(tmp_path / "csv"), tmp_path / "c")
    for name in TABLES:
        assert (
            contents(tmp_path / "a", name) == contents(tmp_path / "b", name) == contents(tmp_path / "c", name)
        )
        assert contents(tmp_path / "a", name)


def test_files_without_customers_are_fine_and_a_new_file_is_only_itself(tmp_path: Path) -> None:
    folder, home = tmp_path / "in", tmp_path / "home"
    folder.mkdir()
    (folder / "Orders.csv").write_text(
        "order_id;customer_id;ordered_at\n1;C1;2024-01-01 10:00\n2;;01.02.2024\n"
    )
    (folder / "order_lines.csv").write_text("order_id,line_no,quantity,net_amount\n1,1,2,19.98\n2,1,-1,-5\n")
    (folder / "readme.txt").write_text("x")
    first = load(files(folder), home)
    assert counts(first) == {"orders": (2, 2, 0), "order_lines": (2, 2, 0)}
    assert any("readme.txt: not read" in notice for notice in first.notices)
    assert load(files(folder), home).load_id is None
    (folder / "order_lines_02.csv").write_text("order_id,line_no,quantity,net_amount\n2,1,-1,-6\n")
    assert counts(load(files(folder), home)) == {"order_lines": (1, 1, 0)}


def test_half_written_files_are_refused_and_taken_when_they_are_whole(tmp_path: Path) -> None:
    folder, home = write_shop(tmp_path / "in"), tmp_path / "home"
    whole = (folder / "orders.parquet").read_bytes()
    (folder / "orders.parquet").write_bytes(whole[:-100])
    first = load(files(folder), home)
    assert first.tables["orders"].files_refused == 1 and first.tables["orders"].rows_read == 0
    reason = query(home, "select file, reason from raw.quarantine")
    assert reason[0][0] == "orders.parquet" and reason[0][1].startswith("no complete Parquet file: ")
    (folder / "orders.parquet").write_bytes(whole)
    assert counts(load(files(folder), home)) == {"orders": (12, 12, 0)}


def test_damaged_parquet_contributes_no_row(tmp_path: Path) -> None:
    folder = write_shop(tmp_path / "in")
    data = bytearray((folder / "customers.parquet").read_bytes())
    data[40:400] = b"\xff" * 360
    (folder / "customers.parquet").write_bytes(bytes(data))
    result = load(files(folder), tmp_path / "home")
    assert result.tables["customers"].files_refused == 1 and result.tables["customers"].rows_read == 0
    reason = query(tmp_path / "home", "select reason from raw.quarantine")[0][0]
    assert "damaged after row 0" in reason or "no complete Parquet file" in reason


def test_parquet_of_other_types_is_typed_by_the_contract(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    kinds = pa.array(["a", "b", "a"]).dictionary_encode()
    table = pa.table({
        "Order_ID": pa.array([1, 2, 3]), "customer_id": pa.array([1.0, None, 3.0]), "status": kinds,
        "ordered_at": pa.array([datetime.fromisoformat("2024-07-01 12:00")] * 3, pa.timestamp("ns")),
        "extra": [1, 2, 3],
    })  # fmt: skip
    pq.write_table(table, folder / "orders.parquet")
    lines = {"order_id": ["1", "2"], "line_no": [1, 1], "quantity": ["zwei", "2"], "net_amount": [1.5, 0.1]}
    pq.write_table(pa.table(lines), folder / "order_lines.parquet")
    result = load(files(folder), tmp_path / "home")
    assert counts(result) == {"orders": (3, 3, 0), "order_lines": (2, 1, 1)}
    assert any("ignored: extra" in notice for notice in result.notices)
    got = query(
        tmp_path / "home", "select order_id, customer_id, status, ordered_at::text from raw.webshop__orders"
    )
    # A naive instant is the company's local time.
    assert sorted(got) == [(str(n), c, s, "2024-07-01 10:00:00")
                           for n, c, s in ((1, "1", "a"), (2, None, "b"), (3, "3", "a"))]  # fmt: skip


def test_no_folder_and_no_orders_are_named(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="does not exist"):
        load(files(tmp_path / "absent"), tmp_path / "home")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "customers.csv").write_text("customer_id\n1\n")
    with pytest.raises(SourceUnavailable, match="holds no orders"):
        load(files(tmp_path / "in"), tmp_path / "home")
