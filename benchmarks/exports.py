"""How fast a sync plans and sends, beside drt-core on the same fake of HubSpot.

    python -m benchmarks.exports [--customers 100000] [--changed 0.01] [--drt PYTHON] [--drt-rows 2000]

The fake runs in a process of its own and accepts as fast as it can: the vendor's rate limit, which dominates
in real life, is switched off here. `--drt` names a Python with drt-core 1.2.1; its rows are sent one request
each, as its HubSpot destination does, and scaled to all customers.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

from exports.destinations.hubspot import Settings, connect
from exports.engine.run import apply_sync, plan_sync
from exports.sync import Sync
from stammkunde.home import Home
from stammkunde.publish import publish

FAKES = Path(__file__).resolve().parents[1] / "tests" / "exports"
AS_OF = date(2026, 11, 20)
SYNC = Sync.model_validate(
    {
        "name": "crm_profiles",
        "exposure": "crm_profiles",
        "model": "customer_360",
        "key": "customer_id",
        "identity": "email",
        "mapping": {
            "customer_id": "cdp_id",
            "email": "email",
            **{f"attribute_{number}": f"cdp_{number}" for number in range(10)},
        },
        "consent": {"channel": "email", "purpose": "marketing"},
        "guards": {"max_added_pct": 1e9, "max_removed_pct": 100},
        "destination": "hubspot",
    }
)

DRT = """
import sys, time, types
import drt.destinations.hubspot as hubspot
from drt.config.models import HubSpotDestinationConfig, SyncOptions
url, rows = sys.argv[1], int(sys.argv[2])
hubspot._HUBSPOT_API = url + "/crm/v3/objects"
config = HubSpotDestinationConfig.model_validate(
    {"type": "hubspot", "object_type": "contacts", "id_property": "cdp_id",
     "auth": {"type": "bearer", "token": "pat-test"}})
if %(unlimited)s:
    hubspot.resolve_rate_limiter = lambda *a, **k: types.SimpleNamespace(acquire=lambda: None)
values = {f"cdp_{i}": f"value {i}" for i in range(10)}
records = [{"cdp_id": f"d_{n}", "email": f"d_{n}@example.org", **values} for n in range(rows)]
began = time.perf_counter()
result = hubspot.HubSpotDestination().load(records, config, SyncOptions())
print(result.success, time.perf_counter() - began)
"""


def serve(queue: Any) -> None:
    """The fake in its own process, with an index on id and address, and the single writes that drt-core
    uses.
    """
    sys.path.insert(0, str(FAKES))
    from fakes.fake_hubspot import CONTACTS, FakeHubSpot, problem
    from fakes.fake_vendor import Answer, Request, route

    class IndexedHubSpot(FakeHubSpot):
        def __init__(self) -> None:
            super().__init__(limits=())
            self.index: dict[tuple[str, str], Any] = {}
            for number in range(10):
                self.properties[f"cdp_{number}"] = {"name": f"cdp_{number}", "type": "string"}
            self.properties["cdp_id"] = {"name": "cdp_id", "type": "string", "hasUniqueValue": True}

        def _find(self, key: str | None, value: str, among: Any) -> Any:
            return super()._find(key, value, among) if key in ("id", None) else self.index.get((key, value))

        def _store(self, contact: Any, values: Any) -> None:
            super()._store(contact, values)
            for name in ("cdp_id", "email"):
                if contact["properties"].get(name):
                    self.index[name, contact["properties"][name]] = contact

        @route("POST", CONTACTS + "/search")
        def search(self, request: Request) -> Answer:  # noqa: ARG002 - nobody has opted out
            return Answer(200, {"total": 0, "results": []})

        @route("POST", CONTACTS)
        def create(self, request: Request) -> Answer:
            properties = request.json["properties"]
            if self._find("cdp_id", properties["cdp_id"], None):
                return problem(409, "already exists", "CONFLICT")
            contact = self.contacts[self.add()]
            self._store(contact, properties)
            return Answer(201, self._view(contact, []))

        @route("PATCH", CONTACTS + "/(?P<id>.+)")
        def patch(self, request: Request) -> Answer:
            contact = self._find("cdp_id", request.arguments["id"], None)
            self._store(contact, request.json["properties"])
            return Answer(200, self._view(contact, []))

    with IndexedHubSpot().serving() as fake:
        queue.put(fake.url)
        time.sleep(1e6)


def publish_customers(home: Home, count: int, changed: float) -> None:
    """Customers with twelve columns; the last two hundredths without consent; `changed` of them are
    different.
    """
    home.warehouse.unlink(missing_ok=True)
    with duckdb.connect(str(home.warehouse)) as connection:
        attributes = ", ".join(f"'value {n}' as attribute_{n}" for n in range(1, 10))
        connection.execute(
            f"""
            create schema marts;
            create table marts.customer_360 as
            select
                printf('c_%016x', range) as customer_id,
                'c' || range || '@example.org' as email,
                case when range < {int(count * changed)} then 'new' else 'old' end as attribute_0,
                {attributes}
            from range({count});
            create view marts.customer as select * from marts.customer_360;
            create table marts.consent as
            select
                customer_id,
                'email' as channel,
                'marketing' as purpose,
                case when row_number() over (order by customer_id) > {count * 0.98} then 'withdrawn'
                else 'granted' end as status
            from marts.customer_360
            """
        )
    publish(home.warehouse, home, AS_OF)


def measure(home: Home, url: str, label: str) -> float:
    """One plan and one run; prints both; returns the seconds of the run."""
    destination = connect(
        Settings.model_validate(
            {"kind": "hubspot", "access_token": "pat-test", "base_url": url,
             "requests_per_10_seconds": 1_000_000}
        )
    )  # fmt: skip
    began, cpu = time.perf_counter(), time.process_time()
    plan = plan_sync(SYNC, home, destination)
    planned, planned_cpu = time.perf_counter() - began, time.process_time() - cpu
    began, cpu = time.perf_counter(), time.process_time()
    result = apply_sync(SYNC, home, destination, AS_OF, lambda: datetime.now(UTC))
    seconds, seconds_cpu = time.perf_counter() - began, time.process_time() - cpu
    destination.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sent = sum(result.sent.values())
    print(
        f"{label:<12} plan {planned:6.2f} s (processor {planned_cpu:.2f} s, {plan.planned:,} rows)   "
        f"run {seconds:6.2f} s (processor {seconds_cpu:.2f} s, {sent:,} sent, "
        f"{sent / seconds:,.0f} rows/s)   peak {peak:,.0f} MiB",
        flush=True,
    )
    return seconds


def measure_drt(python: str, url: str, rows: int, unlimited: bool) -> float:
    """Seconds a row of drt-core's HubSpot destination."""
    script = DRT % {"unlimited": unlimited}
    done = subprocess.run(
        [python, "-c", script, url, str(rows)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": ""},
    )
    success, seconds = done.stdout.split()
    print(
        f"drt-core, {'no limit' if unlimited else 'its own limit'}: {success} rows in {float(seconds):.1f} s"
    )
    return float(seconds) / rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--changed", type=float, default=0.01)
    parser.add_argument("--drt", help="A Python that has drt-core.")
    parser.add_argument("--drt-rows", type=int, default=2000)
    options = parser.parse_args()
    queue: Any = multiprocessing.Queue()
    fake = multiprocessing.Process(target=serve, args=(queue,), daemon=True)
    fake.start()
    url = queue.get()
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home").create()
        publish_customers(home, options.customers, 0)
        seconds = measure(home, url, "first run")
        measure(home, url, "no change")
        publish_customers(home, options.customers, options.changed)
        measure(home, url, f"{options.changed:.0%} changed")
    if options.drt:
        for unlimited in (True, False):
            rows = options.drt_rows if unlimited else min(options.drt_rows, 100)
            whole = measure_drt(options.drt, url, rows, unlimited) * options.customers
            print(f"  {options.customers:,} rows: {whole:,.0f} s, {whole / seconds:,.0f} times ours")
    fake.kill()


if __name__ == "__main__":
    main()
