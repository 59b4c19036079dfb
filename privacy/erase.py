"""Erasure of persons (Art. 17 GDPR): everywhere in the home, for good, and with a receipt.

The steps, in their order: tombstones (from then on nothing of the person is taken in again), landing,
stewards' files, warehouse, published versions, the pseudonymised copy, exports with the queue of deletions
for their receivers, logs, and a search of the whole home for what is left. Each can be done again.

Belongs here: the order and the receipt. The caller holds the home (`stammkunde.warehouse.single_run`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from ingestion.raw import register_raw
from ingestion.state import manifests
from privacy import plan as plans
from privacy.database import compact, scrub, write_erasure_events
from privacy.key import Key
from privacy.landing import rewrite_landing
from privacy.person import Person, describe_person
from privacy.plan import Plan
from privacy.published import rewrite_published
from privacy.receipt import receipt_of
from privacy.search import search_home
from privacy.state_files import mask_logs, rewrite_exports, rewrite_steward_files
from privacy.suppression import Suppressor
from privacy.tombstones import PURPOSE, Tombstone, add_tombstones
from privacy.written import written_forms
from stammkunde.errors import UserError
from stammkunde.home import Home
from stammkunde.warehouse import open_warehouse

Say = Callable[[str], None]


@dataclass(frozen=True)
class Erasure:
    """What was done. `left` are places where something was found afterwards; there should be none."""

    erasure_id: str
    customer_ids: tuple[str, ...]
    receipt_path: Path
    receipt: Mapping[str, Any]

    @property
    def left(self) -> list[dict[str, Any]]:
        return list(self.receipt["left"])


def plan_erasure(
    home: Home, key: Key, customer_ids: tuple[str, ...], country: str, author: str, reason: str, at: datetime
) -> Plan:
    """What the erasure of these customers will do, counted; nothing is changed. `at` is in UTC.

    Raises UserError when there is no warehouse that tells which records they have.
    """
    if not home.warehouse.exists():
        raise UserError(f"{home.warehouse} does not exist yet; 'stammkunde run' makes it")
    with open_warehouse(home.warehouse) as connection:
        register_raw(connection, home)
        person = describe_person(connection, customer_ids, country)
        texts, cards, persons = written_forms(connection, person)
    tombstones = _tombstones(home, key, person, at)
    plan = Plan(
        erasure_id=tombstones[0]["erasure_id"] or "",
        requested_at=at.astimezone(UTC).isoformat(timespec="seconds"),
        author=author,
        reason=reason,
        country=country,
        customer_ids=list(person.customer_ids),
        record_ids=list(person.record_ids),
        texts=texts,
        cards=cards,
        persons=persons,
        shared=list(person.shared),
        tombstones=tombstones,
    )
    with Suppressor(_as_tombstones(plan), key, country) as suppressor:
        survey = rewrite_landing(home, suppressor, dry_run=True)
    plan.survey = {"removed": survey.removed, "blanked": survey.blanked}
    return plan


def _tombstones(home: Home, key: Key, person: Person, at: datetime) -> list[dict[str, str | None]]:
    """Records are erased for good; what else identifies holds until the erasure.

    A source may deliver tomorrow what happened today, and data may be newer than this clock, so it holds
    until the end of the day after the newest load's.
    """
    days = [date.fromisoformat(m.as_of) for root in home.landing.iterdir() for m in manifests(root)]
    newest = max([at.astimezone(UTC).date(), *days]) + timedelta(days=1)
    until = datetime.combine(newest, time.max, UTC).isoformat(timespec="seconds")
    basis = "|".join([*person.customer_ids, at.isoformat()])
    erasure_id = f"e_{hashlib.sha256(basis.encode()).hexdigest()[:16]}"
    return [
        {
            "kind": kind,
            "hash": key.hash(PURPOSE, value),
            "until": None if kind == "record" else until,
            "erasure_id": erasure_id,
        }
        for kind, value in person.exclusive.pairs()
    ]


def _as_tombstones(plan: Plan) -> list[Tombstone]:
    return [
        Tombstone(
            str(t["kind"]),
            str(t["hash"]),
            datetime.fromisoformat(t["until"]) if t["until"] else None,
            plan.erasure_id,
        )
        for t in plan.tombstones
    ]


def erase(home: Home, key: Key, plan: Plan, say: Say = lambda text: None) -> Erasure:
    """Carries out a plan, from the start or from where it was interrupted."""
    plans.save(home, plan)
    tombstones = _as_tombstones(plan)
    erased = plan.erased
    steps: list[tuple[str, Callable[[], Any]]] = [
        ("tombstones", lambda: add_tombstones(home, key, tombstones)),
        ("landing", lambda: _landing(home, key, plan, tombstones, say)),
        ("steward_files", lambda: rewrite_steward_files(home, erased)),
        ("warehouse", lambda: _warehouse(home, plan)),
        ("published", lambda: rewrite_published(home, erased, plan.at)),
        ("pseudonymised", lambda: _pseudonymised(home, key)),
        ("exports", lambda: rewrite_exports(home, erased, plan.erasure_id)),
        ("logs", lambda: mask_logs(home, erased.texts)),
        ("search", lambda: _search(home, plan)),
    ]
    for name, step in steps:
        if name not in plan.done:
            say(f"erase: {name.replace('_', ' ')} …")
            plan.done[name] = step()
            plans.save(home, plan)
    receipt = receipt_of(plan)
    path = plans.close(home, plan, receipt)
    return Erasure(plan.erasure_id, erased.customer_ids, path, receipt)


def resume(home: Home, key: Key, say: Say = lambda text: None) -> list[Erasure]:
    """Finishes what an interrupted erasure has left."""
    finished = []
    for plan in plans.open_plans(home):
        say(f"going on with the erasure {plan.erasure_id}, which was interrupted")
        finished.append(erase(home, key, plan, say))
    return finished


def _landing(home: Home, key: Key, plan: Plan, tombstones: list[Tombstone], say: Say) -> dict[str, Any]:
    with Suppressor(tombstones, key, plan.country) as suppressor:
        return asdict(rewrite_landing(home, suppressor, say, plan.erased.texts))


def _warehouse(home: Home, plan: Plan) -> dict[str, int]:
    """The next run builds the derived tables anew: the note of the last build no longer holds."""
    (home.root / "last_build.json").unlink(missing_ok=True)
    with open_warehouse(home.warehouse) as connection:
        register_raw(connection, home)
        touched = scrub(connection, plan.erased)
        write_erasure_events(connection, plan.customer_ids, plan.at)
    compact(home.warehouse)
    return touched


def _pseudonymised(home: Home, key: Key) -> str:
    from privacy.pseudonyms import PSEUDONYMISED, write_pseudonymised

    if not (home.published / PSEUDONYMISED).exists():
        return "none"
    return f"{write_pseudonymised(home, key):,} tables written anew"


def _search(home: Home, plan: Plan) -> list[dict[str, Any]]:
    persons = [tuple(person) for person in plan.persons]
    return [asdict(f) for f in search_home(home, plan.erased, persons, plans.directory_of(home))]
