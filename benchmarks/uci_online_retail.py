"""The product on real sales: UCI Online Retail, 541,909 lines of a British webshop.

    .venv/bin/python benchmarks/uci_online_retail.py [--data FILE] [--directory DIR] [--keep]

Writes the data as a webshop of `platform: files` (orders and order lines, no customers file), runs ingestion,
dbt, identity and dbt again in an empty home, and compares the marts with the published figures. Prints and
writes (`benchmarks/out/uci_online_retail.json`) both and the seconds of each step; exits with 1 if a figure
differs.

Data: Daqing Chen, 2015, CC BY 4.0, doi 10.24432/C5BW33.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from ingestion.raw import register_raw
from ingestion.run import ingest
from ml.identity.resolve import resolve_identity
from ml.identity.weights.score import score_pairs
from stammkunde.config import Config
from stammkunde.home import PROJECT_ROOT, Home
from stammkunde.matching import MatchingSettings
from stammkunde.warehouse import open_warehouse

DATA = PROJECT_ROOT.parent / "shared" / "data" / "uci_online_retail" / "online_retail.parquet"
OUT = Path(__file__).resolve().parent / "out" / "uci_online_retail.json"
AS_OF = date(2011, 12, 10)

# The figures published with the data, and those that follow from it; each is read from the marts alone.
PAID = "customer_id is not null and is_turnover and quantity > 0 and unit_price_amount > 0"
FIGURES: dict[str, tuple[Any, str]] = {
    "lines": (541_909, "select count(*) from marts.sale_line"),
    "sales": (25_900, "select count(*) from marts.sale"),
    "lines with a customer": (406_829, "select count(*) from marts.sale_line where customer_id is not null"),
    "lines of guests": (135_080, "select count(*) from marts.sale_line where customer_id is null"),
    "customers": (4_372, "select count(*) from marts.customer"),
    "paid lines": (397_884, f"select count(*) from marts.sale_line where {PAID}"),
    "paying customers": (4_338, f"select count(distinct customer_id) from marts.sale_line where {PAID}"),
    "paid orders": (18_532, f"select count(distinct sale_id) from marts.sale_line where {PAID}"),
    "paid net amount": (
        Decimal("8911407.90"),
        f"select round(sum(net_amount), 2) from marts.sale_line where {PAID}",
    ),
    "return lines on C-invoices": (
        9_288,
        "select count(*) from marts.sale_line where is_return and sale_id like 'webshop:C%'",
    ),
    "C-invoices that are no returns": (
        0,
        "select count(*) from marts.sale where sale_id like 'webshop:C%' and not is_return",
    ),
    "net amount of everything": (
        Decimal("9747747.93"),
        "select round(sum(net_amount), 2) from marts.sale where is_turnover",
    ),
}


def write_shop(data: Path, folder: Path) -> None:
    """The data as `orders.parquet` and `order_lines.parquet`; a line's number is its place in the invoice."""
    folder.mkdir(parents=True)
    connection = duckdb.connect()
    connection.execute(
        "create view line as "
        "select *, row_number() over (partition by InvoiceNo order by file_row_number) as line_no "
        f"from read_parquet('{data}', file_row_number = true)"
    )
    # An invoice may span two minutes; it was placed when it began.
    connection.execute(
        "copy (select InvoiceNo as order_id, max(CustomerID)::varchar as customer_id, "
        "min(InvoiceDate) as ordered_at "
        f"from line group by InvoiceNo order by InvoiceNo) to '{folder / 'orders.parquet'}'"
    )
    connection.execute(
        "copy (select InvoiceNo as order_id, line_no, StockCode as product_no, Description as product_name, "
        "Quantity as quantity, (Quantity * UnitPrice::decimal(12, 4))::decimal(18, 4) as net_amount "
        f"from line order by InvoiceNo, line_no) to '{folder / 'order_lines.parquet'}'"
    )
    connection.close()


def dbt(home: Home, *arguments: str) -> None:
    """Runs dbt on the warehouse of this home; RuntimeError with dbt's messages when something failed."""
    from dbt.cli.main import dbtRunner

    os.environ["STAMMKUNDE_WAREHOUSE"] = str(home.warehouse)
    folder = PROJECT_ROOT / "dbt"
    options = {
        "--project-dir": folder, "--profiles-dir": folder,
        "--target-path": home.root / "target", "--log-path": home.logs,
        "--vars": json.dumps({"as_of": AS_OF.isoformat()}),
    }  # fmt: skip
    result = dbtRunner().invoke(
        [*arguments, "--quiet", *(str(part) for option in options.items() for part in option)]
    )
    if not result.success:
        failures = [
            f"{r.node.name}: {r.message}"
            for r in getattr(result.result, "results", [])
            if str(r.status) in ("error", "fail", "runtime error")
        ]
        raise RuntimeError("\n".join(failures) or str(result.exception))


def run(data: Path, root: Path) -> tuple[dict[str, Any], dict[str, float]]:
    """Runs everything below `root`; the figures found and the seconds of each step."""
    os.environ.setdefault("DO_NOT_TRACK", "1")
    home = Home(root / "home").create()
    config = Config.model_validate(
        {
            "company": {"name": "UCI Online Retail", "timezone": "Europe/London", "currency": "GBP"},
            "sources": {"webshop": {"platform": "files", "path": root / "shop"}},
        }
    )
    seconds: dict[str, float] = {}

    def step(name: str, work: Callable[[], Any]) -> Any:
        started = time.perf_counter()
        result = work()
        seconds[name] = round(time.perf_counter() - started, 1)
        print(f"{name:<12} {seconds[name]:6.1f} s", flush=True)
        return result

    def warehouse(work: Callable[[duckdb.DuckDBPyConnection], Any]) -> Any:
        with open_warehouse(home.warehouse) as connection:
            return work(connection)

    step("write shop", lambda: write_shop(data, root / "shop"))
    load = step("ingest", lambda: ingest("webshop", config, home, AS_OF))
    step("raw", lambda: warehouse(lambda connection: register_raw(connection, home)))
    # What comes after identity reads a table that a Python step writes; these come before it.
    before = ("+int_pair_comparisons",)
    step(
        "dbt before", lambda: dbt(home, "build", "--select", *before, "--exclude-resource-type", "unit_test")
    )
    step("scores", lambda: warehouse(lambda connection: score_pairs(connection, MatchingSettings(), AS_OF)))
    step("identity", lambda: warehouse(lambda connection: resolve_identity(connection, AS_OF)))
    step(
        "dbt after", lambda: dbt(home, "build", "--exclude", *before, "--exclude-resource-type", "unit_test")
    )

    figures = {
        name: warehouse(lambda connection, sql=sql: connection.execute(sql).fetchall()[0][0])
        for name, (_, sql) in FIGURES.items()
    }
    return {"rows rejected": load.total.rows_quarantined, **figures}, seconds


def main() -> int:
    """Compares the figures; 1 if one differs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--directory", type=Path, help="where to work; default a temporary directory")
    parser.add_argument("--keep", action="store_true", help="leave the directory for a look inside")
    options = parser.parse_args()
    if not options.data.exists():
        print(f"{options.data} is missing; it holds the UCI Online Retail data as Parquet")
        return 2
    root = options.directory or Path(tempfile.mkdtemp(prefix="uci-"))
    try:
        found, seconds = run(options.data, root)
    finally:
        if not options.keep:
            shutil.rmtree(root, ignore_errors=True)
    expected = {"rows rejected": 0, **{name: value for name, (value, _) in FIGURES.items()}}
    different = [name for name, value in expected.items() if found[name] != value]
    for name, value in expected.items():
        print(f"{name:<32} {found[name]:>15,} {'ok' if found[name] == value else f'expected {value:,}'}")
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps({"seconds": seconds, "figures": found}, indent=2, default=str) + "\n")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
