"""Makes the demo retailer below `home.demo`: its four source systems, its configuration, the truth.

The same parameters give the same files. A demo is built beside its place and renamed into it, so there is
never half a demo; one with the same parameters is kept.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from ingestion.demo import erp_tables, servers
from ingestion.demo.catalogue import make_places
from ingestion.demo.erp import make_erp
from ingestion.demo.erp_load import load
from ingestion.demo.leads import make_leads, write_leads
from ingestion.demo.loyalty import make_loyalty, write_loyalty
from ingestion.demo.people import make_population
from ingestion.demo.postgres import Postgres, data_directory, let_server_enter, socket_directory
from ingestion.demo.purchases import make_members, simulate
from ingestion.demo.rates import ErrorRates
from ingestion.demo.servers import file_lock
from ingestion.demo.tills import write_tills
from ingestion.demo.touchpoints import Sources, write_touchpoints
from ingestion.demo.truth import write_truth
from ingestion.demo.webshop import make_webshop, write_webshop
from ingestion.demo.world import World
from stammkunde.errors import UserError
from stammkunde.files import write_atomically
from stammkunde.home import Home

FORMAT = 1
"""Counts the changes of what a demo contains: another number makes an old demo anew."""

_CONFIG = """\
# The demo retailer, made by 'stammkunde demo'. Its variables are set by the demo itself.
company:
  name: Demo GmbH
  country: DE
  timezone: Europe/Berlin
  currency: EUR
demo: true
as_of: {as_of}
sources:
  shop:
    dsfinvk: tills
    loyalty: loyalty
  branch:
    url: postgresql+psycopg://postgres@/stammkunde_demo?host=${{{socket}}}
  webshop:
    platform: shopware
    url: http://127.0.0.1:${{{port}}}
    client_id: {client_id}
    client_secret: ${{{secret}}}
  leads:
    path: leads
  touchpoints:
    path: touchpoints
"""


@dataclass(frozen=True)
class DemoSummary:
    """What the demo holds."""

    path: Path
    customers: int
    source_records: int
    receipts_and_orders: int
    order_lines: int
    exports: int
    seconds: float
    reused: bool

    def __str__(self) -> str:
        how = "kept" if self.reused else f"made in {self.seconds:.1f} s"
        return (
            f"Demo retailer {how}: {self.customers:,} true customers, "
            f"{self.source_records:,} source records, {self.receipts_and_orders:,} receipts and orders "
            f"with {self.order_lines:,} lines in {self.path}"
        )


def make_demo(
    home: Home,
    customers: int = 5000,
    seed: int = 1,
    until: date = date(2026, 10, 31),
    progress: Callable[[str], None] = lambda text: None,
    rates: ErrorRates | None = None,
) -> DemoSummary:
    """Makes the demo, or keeps the one that is there if it has the same parameters.

    Raises UserError if fewer than ten customers are asked for. Afterwards the demo's servers are stopped
    if it was made anew.
    """
    if customers < 10:
        raise UserError(f"a demo needs at least 10 customers, not {customers}")
    world = World(seed=seed, rates=rates or ErrorRates(), customers=customers, until=until)
    home.create()
    with file_lock(home, "demo-make.lock"):
        return _make(world, home, progress)


def _make(world: World, home: Home, progress: Callable[[str], None]) -> DemoSummary:
    parameters = {"format": FORMAT, **world.describe()}
    found = _read(home.demo / "demo.json")
    if found is not None and found.get("parameters") == parameters:
        return DemoSummary(path=home.demo, reused=True, seconds=0.0, **found["contents"])
    began = time.monotonic()
    for leftover in home.root.glob(".demo.*"):
        _remove(leftover)
    building = home.root / f".demo.{os.getpid()}.tmp"
    building.mkdir(mode=0o700)
    contents = _build(world, home, building, progress)
    write_atomically(
        building / "stammkunde.yml",
        _CONFIG.format(
            as_of=world.until + timedelta(days=1), socket=servers.SOCKET, port=servers.PORT,
            client_id=servers.CLIENT_ID, secret=servers.SECRET,
        ).encode(),
    )  # fmt: skip
    servers.write_secrets(building)
    record = json.dumps({"parameters": parameters, "contents": contents}, indent=2) + "\n"
    write_atomically(building / "demo.json", record.encode())
    servers.stop(home)
    old = home.root / f".demo.{os.getpid()}.old"
    if home.demo.exists():
        home.demo.rename(old)
    building.rename(home.demo)
    _remove(old)
    return DemoSummary(path=home.demo, reused=False, seconds=time.monotonic() - began, **contents)


def _build(world: World, home: Home, folder: Path, progress: Callable[[str], None]) -> dict[str, int]:
    progress("demo: people and purchases")
    population = make_population(world)
    members = make_members(world, population)
    places = make_places(world)
    orders = simulate(world, population, members, places)
    loyalty = make_loyalty(world, population, members, orders)
    progress(f"demo: {orders.size:,} receipts and orders; writing the tills")
    exports = write_tills(world, orders, loyalty, places, folder / "tills", progress)
    write_loyalty(world, population, loyalty, places, folder / "loyalty")
    progress("demo: branch database")
    erp = make_erp(world, population, members, orders)
    tables = erp_tables.tables(world, population, erp, orders, loyalty, places)
    let_server_enter(home.root)
    let_server_enter(folder)
    data = data_directory(home.root, folder / "postgres", f"postgres.{os.getpid()}.{time.time_ns()}")
    sockets = socket_directory(home.root).with_name(f"{socket_directory(home.root).name}-build")
    server = Postgres(data, sockets, home.logs / "demo-postgres.log")
    server.initialise()
    # Nothing is lost by a crash here: the whole demo would be made again.
    server.start(
        "fsync=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0", "max_wal_size=2GB"
    )
    try:
        load(server, tables, orders, progress)
    finally:
        server.stop()
        shutil.rmtree(sockets, ignore_errors=True)
    del tables
    progress("demo: webshop")
    webshop = make_webshop(world, population, members, orders)
    write_webshop(world, population, webshop, orders, loyalty, folder / "webshop")
    progress("demo: leads and touchpoints")
    leads = make_leads(world, population, members, orders)
    write_leads(world, leads, folder / "leads")
    write_touchpoints(world, population, orders, Sources(loyalty, erp, webshop), folder / "touchpoints")
    records = write_truth(
        world, population, members, orders, (loyalty, erp, webshop, leads), folder / "truth"
    )
    return {
        "customers": world.customers,
        "source_records": records,
        "receipts_and_orders": orders.size,
        "order_lines": len(orders.lines.product),
        "exports": exports,
    }


def _read(path: Path) -> dict[str, dict[str, int]] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _remove(folder: Path) -> None:
    if not folder.exists():
        return
    # A build that was killed may have left its server running.
    data = (folder / "postgres").resolve()
    if data.exists():
        Postgres(data, folder, folder / "postgres.log").remove()
    shutil.rmtree(folder)
