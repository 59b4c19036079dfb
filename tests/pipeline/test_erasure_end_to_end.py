"""An erasure on the demo's real source systems: found nowhere, and not after everything was read again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from installation import Installation

from stammkunde.home import Home

pytestmark = pytest.mark.slow

PERSON = """
select customer_id, email, first_name, last_name, street, postal_code, phone
from marts.customer as customers
where
    kind = 'person' and email is not null and street is not null and postal_code is not null
    and len(source_systems) > 1 and is_customer
    -- Nobody else is called so, there.
    and not exists (
        select 1 from marts.customer as other
        where
            other.customer_id <> customers.customer_id
            and (other.email = customers.email or other.phone = customers.phone
                or other.last_name = customers.last_name and other.postal_code = customers.postal_code)
    )
order by record_count desc, customer_id
limit 1
"""


@pytest.fixture(scope="module")
def copied(demo: Installation, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The demo's home as it is, so that the other tests keep theirs."""
    root = tmp_path_factory.mktemp("erasure") / "home"
    shutil.copytree(demo.home.root, root, symlinks=True, ignore=shutil.ignore_patterns("run", "*.pid"))
    return Installation(Home(root))


def places(home: Home, email: str, phone: str | None, name: tuple[str, ...]) -> list[str]:
    """Where the person stands: bytes, and rows of Parquet and DuckDB files, demo sources left out."""
    found = []
    needles = [text.lower() for text in (email, phone) if text]

    def look(where: str, text: str) -> None:
        low = text.lower()
        if any(needle in low for needle in needles) or all(part.lower() in low for part in name):
            found.append(where)

    for path in sorted(p for p in home.root.rglob("*") if p.is_file() and not p.is_symlink()):
        if home.demo in path.parents:
            continue
        content = path.read_bytes().lower()
        if any(needle.encode() in content for needle in needles):
            found.append(str(path))
        if path.suffix == ".parquet":
            for row in pq.read_table(path).to_pylist():
                look(str(path), str([v for v in row.values() if isinstance(v, str | list)]))
        elif path.suffix == ".duckdb":
            _look_into(path, look)
    return found


def _look_into(path: Path, look) -> None:
    with duckdb.connect(str(path), read_only=True) as connection:
        for schema, table in connection.execute(
            "select schema_name, table_name from duckdb_tables() where not internal"
        ).fetchall():
            for row in connection.execute(f'from "{schema}"."{table}"').fetchall():
                look(f"{path} {schema}.{table}", str([v for v in row if isinstance(v, str | list)]))


def test_an_erased_person_is_nowhere_and_stays_away(copied: Installation) -> None:
    with duckdb.connect(str(copied.home.published_database), read_only=True) as published:
        customer, email, first, last, street, postal_code, phone = published.execute(PERSON).fetchall()[0]
        turnover = published.execute("select sum(net_amount) from marts.sale").fetchone()
    name = (first, last, street, postal_code)
    assert places(copied.home, email, phone, name)
    told = copied.must("erase", "--email", email, "--yes")
    assert "Erased. Receipt:" in told.stdout
    assert places(copied.home, email, phone, name) == []
    (path,) = (copied.home.root / "privacy" / "erasures").glob("*/receipt.json")
    receipt = json.loads(path.read_text())
    assert receipt["complete"] is True
    assert receipt["customer_ids"] == [customer]

    copied.must("run", "--full")
    assert places(copied.home, email, phone, name) == []
    with duckdb.connect(str(copied.home.published_database), read_only=True) as published:
        assert published.execute("select sum(net_amount) from marts.sale").fetchone() == turnover
        gone = published.execute(
            "select event from marts.customer_id_history where customer_id = ?", [customer]
        ).fetchall()
        assert gone == [("erased",)]
    refused = copied.call("erase", "--email", email, "--yes")
    assert refused.returncode == 1
    assert "no customer is known by this email" in refused.stderr
    assert email not in refused.stderr
