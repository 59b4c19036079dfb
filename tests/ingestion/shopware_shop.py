"""A small shop for tests: its Parquet files, and a server on a free loopback port."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from hashlib import md5
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import uvicorn

from ingestion.sources.webshop import contract

ID, SECRET = "SWIADEMO", "geheim-123"
START = datetime.fromisoformat("2024-01-01 08:00:00")


def hex_id(*parts: object) -> str:
    return md5("/".join(map(str, parts)).encode(), usedforsecurity=False).hexdigest()


def write_table(folder: Path, table: Any, rows: list[dict[str, Any]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=table.content_schema), folder / f"{table.name}.parquet")


def customers(count: int = 7) -> list[dict[str, Any]]:
    rows = [
        {
            "customer_id": hex_id("customer", n),
            "email": f"kunde{n}@example.org",
            "salutation": ("Frau", "Herr", None)[n % 3],
            "first_name": "Jörg" if n % 2 else "Änne",
            "last_name": f"Groß-{n}",
            "company": "Müller & Söhne GmbH" if n == 2 else None,
            "vat_id": "DE136695976" if n == 2 else None,
            "street": "Straße des 17. Juni",
            "house_no": str(n),
            "postal_code": "01067",
            "city": "Dresden",
            "country": "DE",
            "phone": f"+49 351 {n:05}",
            "birth_date": date(1980, 2, n + 1) if n % 2 else None,
            "loyalty_card_no": f"L{n}" if n % 2 else None,
            "is_guest": n % 4 == 0,
            "newsletter": (True, False, None)[n % 3],
            "created_at": START + timedelta(days=n),
            "updated_at": START + timedelta(days=n + (n % 2) * 30),
        }
        for n in range(count)
    ]
    return rows


def orders(count: int = 12) -> list[dict[str, Any]]:
    return [
        {
            "order_id": hex_id("order", n),
            "order_number": f"SW{n}",
            "customer_id": hex_id("customer", n % 7) if n % 5 else None,
            "ordered_at": START + timedelta(days=10 + n, milliseconds=250),
            "status": "cancelled" if n == 3 else "completed",
            "currency": "CHF" if n == 4 else "EUR",
            "updated_at": START + timedelta(days=10 + n + (n % 3), milliseconds=250),
        }
        for n in range(count)
    ]


def order_lines(count: int = 12) -> list[dict[str, Any]]:
    rows = []
    for n in range(count):
        for k in range(1, 2 + n % 3):
            quantity = -1 if n == 6 else k
            net = Decimal("16.79") * quantity
            rows.append({
                "order_id": hex_id("order", n), "line_no": k,
                "product_no": f"P{k}", "product_name": f"Ware {k}",
                "category": "Küche" if k % 2 else "Bad", "quantity": Decimal(quantity), "net_amount": net,
                "tax_amount": Decimal("3.19") * quantity,
                "discount_amount": Decimal("1.50") if n == 7 else Decimal(0), "unit_cost": Decimal("9.1234"),
            })  # fmt: skip
    rows.append({
        "order_id": hex_id("order", 5), "line_no": 9, "product_no": None, "product_name": "Frühlingsrabatt",
        "category": None, "quantity": Decimal(0),
        "net_amount": Decimal("-4.20"), "tax_amount": Decimal("-0.80"),
        "discount_amount": Decimal("4.20"), "unit_cost": None,
    })  # fmt: skip
    return rows


def products() -> list[dict[str, Any]]:
    return [
        {
            "product_no": f"P{k}", "name": f"Ware {k}", "category": "Küche" if k % 2 else "Bad",
            "list_price": Decimal("19.99"), "unit_cost": Decimal("9.1234"), "updated_at": START,
        }
        for k in range(1, 4)
    ]  # fmt: skip


def write_shop(folder: Path, **tables: list[dict[str, Any]]) -> Path:
    write_table(folder, contract.CUSTOMERS, tables.get("customers", customers()))
    write_table(folder, contract.ORDERS, tables.get("orders", orders()))
    write_table(folder, contract.ORDER_LINES, tables.get("order_lines", order_lines()))
    write_table(folder, contract.PRODUCTS, tables.get("products", products()))
    return folder


@contextmanager
def serve(app: Any) -> Iterator[str]:
    """Runs the application on a free port of 127.0.0.1; gives its address."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
