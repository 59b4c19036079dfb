"""What the killed process runs: two sources, raw tables, a mart, publication. Arguments: the folder of it
all.
"""

import sys
from datetime import date
from pathlib import Path

from ingestion.raw import register_raw
from ingestion.run import ingest
from stammkunde.config import Config
from stammkunde.home import Home
from stammkunde.publish import publish
from stammkunde.warehouse import open_warehouse, single_run

AS_OF = date(2026, 11, 20)


def run(root: Path) -> Home:
    """Does it, in this process."""
    home = Home(root / "home")
    sources = {"shop": {"loyalty": root / "loyalty"}, "leads": {"path": root / "leads"}}
    config = Config.model_validate({"sources": sources})
    with single_run(home, wait_seconds=120, say=print):
        for source in sources:
            ingest(source, config, home, AS_OF)
            with open_warehouse(home.warehouse) as connection:
                register_raw(connection, home)
        with open_warehouse(home.warehouse) as connection:
            connection.execute("create schema if not exists marts")
            connection.execute(
                """
                create or replace table marts.customer as
                select member_no, last_name from raw.shop__loyalty
                union all
                select lead_id, last_name from raw.leads__leads
                """
            )
        publish(home.warehouse, home, AS_OF, keep=2)
    return home


if __name__ == "__main__":
    run(Path(sys.argv[1]))
