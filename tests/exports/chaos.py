"""Runs a sync in a process of its own and kills it at chosen moments; then asks whether anything got lost.

    python chaos.py HOME URL STYLE KILL_AFTER PHASE      one run, killed by its own hand after so many calls

Used by the suite in small and by `benchmarks/exports_chaos.py` in large. The world of a seed is always the
same.
"""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
for place in (ROOT, Path(__file__).resolve().parent):
    sys.path.insert(0, str(place))

from engine_world import AS_OF, NOW, PATIENCE, Person, crm_sync, publish_people  # noqa: E402
from fakes.crm_destination import CrmDestination  # noqa: E402
from fakes.fake_crm import FakeCrm  # noqa: E402

import exports.engine.ledger as ledger_module  # noqa: E402
import exports.engine.optouts as optouts_module  # noqa: E402
import exports.engine.run as run_module  # noqa: E402
from exports.engine import queue_erasure  # noqa: E402
from exports.engine.database import transaction  # noqa: E402
from exports.engine.guards import GuardTripped  # noqa: E402
from exports.engine.ledger import Ledger  # noqa: E402
from exports.engine.optouts import ConsentLedger  # noqa: E402
from exports.engine.run import Options, apply_sync  # noqa: E402
from exports.sync import Sync  # noqa: E402
from stammkunde.errors import UserError  # noqa: E402
from stammkunde.home import Home  # noqa: E402

STYLES = ("upsert", "create", "imports")
PHASES = {
    "plan": 2, "commit": 6, "before_request": 5, "after_request": 5, "pull": 1, "delete": 1, "poll": 4,
    "anytime": 300,
}  # fmt: skip
"""Moments of a kill, each with how many of them a run has about: around the plan, around transactions, around
requests and those of one kind; `anytime` counts milliseconds.
"""


def chaos_sync() -> Sync:
    guards = {"max_removed_pct": 100, "max_added_pct": 10_000, "max_rejected_pct": 100}
    return crm_sync(mode="mirror", filter=[{"column": "city", "one_of": CITIES[:3]}], guards=guards)


CITIES = ("Berlin", "Ulm", "Jena", "Gera")


def main(home: Home, url: str, style: str, kill_after: int, phase: str) -> None:
    """One run that ends itself with SIGKILL after `kill_after` moments of the phase, if it lasts that
    long.
    """
    left = [kill_after]

    def moment(name: str) -> None:
        if name == phase:
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    destination = CrmDestination(url, style, 7)
    request = destination.client.request

    def watched(method: str, path: str, *arguments, **options):
        moment("before_request")
        kind = {"/suppressions": "pull", "/do/delete": "delete"}.get(path) or (
            "poll" if path.startswith("/imports/") else ""
        )
        if random.Random(left[0]).random() < 0.5:
            moment(kind)
        answer = request(method, path, *arguments, **options)
        moment("after_request")
        moment(kind)
        return answer

    destination.client.request = watched
    if phase == "anytime":
        timer = threading.Timer(kill_after / 1000, os.kill, (os.getpid(), signal.SIGKILL))
        timer.daemon = True
        timer.start()
    make_plan = run_module.make_plan

    def planned(*arguments):
        moment("plan")
        made = make_plan(*arguments)
        moment("plan")
        return made

    run_module.make_plan = planned

    @contextlib.contextmanager
    def counted(connection) -> Iterator[None]:
        with transaction(connection):
            yield
            moment("commit")
        moment("commit")

    ledger_module.transaction = counted
    optouts_module.transaction = counted
    options = Options(patience=PATIENCE, sleep=lambda seconds: None)
    apply_sync(chaos_sync(), home, destination, AS_OF, lambda: NOW, options)


@dataclass
class ChaosWorld:
    """People who come, change, go, withdraw, opt out at the vendor and are erased, round by round."""

    home: Home
    crm: FakeCrm
    style: str
    seed: int
    size: int = 60
    people: dict[str, Person] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)
    kills: int = 0
    phases: tuple[str, ...] = tuple(PHASES)
    killed_at: dict[str, int] = field(default_factory=dict)
    runs: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        for number in range(self.size):
            self._renew(f"c_{number:04}")

    def _renew(self, key: str) -> None:
        consent = self._random.choices(["granted", "withdrawn", None], [85, 5, 10])[0]
        self.people[key] = Person(key, consent=consent, city=self._random.choice(CITIES))

    def change(self) -> None:
        """A day's changes in the data, at the vendor and among the erasures."""
        for key in self._random.sample(sorted(self.people), self.size // 3):
            self._renew(key)
        there = sorted({c["key"] for c in self.crm.contacts.values() if c["subscribed"]})
        for key in self._random.sample(there, min(1, len(there))):
            self.crm.unsubscribe(key)
        if self._random.random() < 0.4:
            key = self._random.choice(sorted(self.people))
            queue_erasure(self.home, [key])
            del self.people[key]
            self.erased.add(key)
        publish_people(self.home, list(self.people.values()))

    def run_killed(self) -> None:
        """A run that is killed at a random moment of a random phase, or survives."""
        self.runs += 1
        phase = self._random.choice([one for one in self.phases if one != "poll" or self.style == "imports"])
        after = self._random.randrange(PHASES[phase])
        done = subprocess.run(
            [sys.executable, __file__, str(self.home.root), self.crm.url, self.style, str(after), phase],
            capture_output=True,
            text=True,
            timeout=300,
        )
        if done.returncode == -signal.SIGKILL:
            self.kills += 1
            self.killed_at[phase] = self.killed_at.get(phase, 0) + 1
        elif done.returncode:
            raise AssertionError(done.stderr[-3000:])

    def finish(self) -> None:
        """A run that is left alone."""
        destination = CrmDestination(self.crm.url, self.style, 7)
        options = Options(patience=PATIENCE, sleep=lambda seconds: None)
        for _ in range(2):
            apply_sync(chaos_sync(), self.home, destination, AS_OF, lambda: NOW, options)

    def faults(self) -> list[str]:
        """What is lost, wrong, without consent, doubled, or in the ledger other than at the vendor."""
        faults = []
        by_key: dict[str, list[dict]] = {}
        for contact in self.crm.contacts.values():
            by_key.setdefault(contact["key"], []).append(contact)
        opted_out = {item["email"] for item in self.crm.suppressions}
        for key, contacts in sorted(by_key.items()):
            if len(contacts) > 1:
                faults.append(f"{key}: {len(contacts)} contacts")
            if key in self.erased:
                faults.append(f"{key}: erased and still there")
            contact = contacts[0]
            person = self.people.get(key)
            allowed = person and person.consent == "granted" and person.email not in opted_out
            if contact["subscribed"] and not contact["archived"] and not allowed:
                faults.append(f"{key}: without consent")
        for key, person in sorted(self.people.items()):
            wanted = (
                person.consent == "granted" and person.city in CITIES[:3] and person.email not in opted_out
            )
            contact = by_key.get(key, [None])[0]
            if wanted and (contact is None or contact["archived"]):
                faults.append(f"{key}: lost")
            elif wanted and contact["fields"]["city"] != person.city:
                faults.append(f"{key}: {contact['fields']['city']} instead of {person.city}")
            if not wanted and contact and contact["subscribed"] and not contact["archived"]:
                faults.append(f"{key}: should be gone")
        return faults + self._ledger_faults(by_key)

    def _ledger_faults(self, by_key: dict[str, list[dict]]) -> list[str]:
        faults = []
        with closing(ConsentLedger(self.home)) as consents:
            faults += [f"{key}: erasure not done" for key in consents.erasures()]
            with closing(Ledger(self.home, "crm", consents.key)) as ledger:
                connection = ledger.connection
                states = dict(connection.execute("select key, state from contact").fetchall())
                waiting = connection.execute("select count(*) from outbox").fetchone()[0]
                jobs = connection.execute("select count(*) from job").fetchone()[0]
        if waiting or jobs:
            faults.append(f"{waiting} rows and {jobs} jobs left over")
        for key, state in sorted(states.items()):
            there = by_key.get(key)
            if state == "present" and (not there or there[0]["archived"]):
                faults.append(f"{key}: the ledger says present")
        faults += [f"{key}: not in the ledger" for key in sorted(set(by_key) - set(states))]
        return faults


if __name__ == "__main__":
    root, url, style, kill_after, phase = sys.argv[1:]
    try:
        main(Home(Path(root)), url, style, int(kill_after), phase)
    except (UserError, GuardTripped) as error:
        sys.exit(str(error))
