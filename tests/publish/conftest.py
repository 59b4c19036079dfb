"""A small warehouse with marts, and a home."""

from pathlib import Path

import duckdb
import pytest

from stammkunde.home import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").create()


@pytest.fixture
def fill(home: Home):
    """fill(n): the warehouse holds n customers and 3n sale lines."""

    def _fill(customers: int, rows_reversed: bool = False) -> Path:
        home.warehouse.unlink(missing_ok=True)
        direction = "desc" if rows_reversed else "asc"
        with duckdb.connect(str(home.warehouse)) as connection:
            connection.execute("create schema marts; create schema golden")
            connection.execute(
                f"create table marts.customer as select 'c_' || i as customer_id, 'Söhne ' || i as name, "
                f"['shop', 'webshop'] as source_systems, timestamp '2026-01-01 10:00:00' as first_seen_at "
                f"from range({customers}) t(i) order by i {direction}"
            )
            connection.execute(
                f"create table golden.line as select i as line_no, (i / 100)::decimal(18, 2) as net_amount "
                f"from range({customers * 3}) t(i) order by i {direction}"
            )
            connection.execute("create view marts.sale_line as select * from golden.line")
            connection.execute("comment on table marts.customer is 'One row per customer''s record'")
            connection.execute("comment on column marts.customer.name is 'Display name'")
        return home.warehouse

    return _fill
