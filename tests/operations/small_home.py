"""A home with a landed source, a warehouse and a published version, made in a second."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb

from ingestion.raw import register_raw
from ingestion.run import ingest
from stammkunde.config import Config
from stammkunde.home import Home
from stammkunde.publish import publish
from stammkunde.warehouse import open_warehouse

AS_OF = date(2026, 11, 20)
HEADER = "member_no;card_no;first_name;last_name;birth_date;email;updated_at"
GOOD = "M1;K1;Zwetlana;Quittenbaum;17.05.1980;zwetlana@quittenbaum.example;01.02.2025"
BAD = "M2;K2;Zwetlana;Quittenbaum;31.02.1975;zwetlana@quittenbaum.example;01.02.2025"


class SmallRetailer:
    """One folder of loyalty files and a home."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "loyalty"
        self.folder.mkdir(parents=True)
        self.home = Home(root / "home").create()
        self.config = Config.model_validate({"sources": {"shop": {"loyalty": str(self.folder)}}})

    def file(self, name: str, *lines: str) -> Path:
        path = self.folder / name
        path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
        return path

    def run(self, as_of: date = AS_OF) -> None:
        """Ingests, makes a mart of the members and publishes it."""
        ingest("shop", self.config, self.home, as_of)
        with open_warehouse(self.home.warehouse) as connection:
            register_raw(connection, self.home)
            connection.execute("create schema if not exists marts")
            connection.execute(
                "create or replace table marts.customer as select member_no as customer_id, last_name, email "
                "from raw.shop__loyalty order by all"
            )
        publish(self.home.warehouse, self.home, as_of)

    def published(self) -> list[tuple]:
        with duckdb.connect(str(self.home.published_database), read_only=True) as connection:
            return connection.execute("select * from marts.customer order by all").fetchall()
