"""The plan of an erasure: what is to be done, and how far it is.

`privacy/erasures/<erasure_id>/plan.json` is written before anything is changed and after every step, so that
a killed erasure goes on with the next run. While it is under way the plan holds what identifies the person;
the finished receipt, `receipt.json` in its place, does not.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from privacy.database import Erased
from stammkunde.errors import UserError
from stammkunde.files import write_atomically
from stammkunde.home import Home

PLAN, RECEIPT = "plan.json", "receipt.json"


@dataclass
class Plan:
    """All times are UTC, ISO 8601. `done` is step → what it did."""

    erasure_id: str
    requested_at: str
    author: str
    reason: str
    country: str
    customer_ids: list[str]
    record_ids: list[str]
    texts: list[str]
    cards: list[str]
    persons: list[list[str]]
    shared: list[str]
    tombstones: list[dict[str, str | None]]
    survey: dict[str, dict[str, int]] = field(default_factory=dict)
    done: dict[str, Any] = field(default_factory=dict)

    @property
    def erased(self) -> Erased:
        """Whom the steps take out."""
        return Erased(tuple(self.customer_ids), tuple(self.record_ids), tuple(self.texts), tuple(self.cards))

    @property
    def at(self) -> datetime:
        """When the erasure was asked for."""
        return datetime.fromisoformat(self.requested_at)


def directory_of(home: Home) -> Path:
    """All plans and receipts."""
    return home.root / "privacy" / "erasures"


def save(home: Home, plan: Plan) -> None:
    """On disk when this returns."""
    path = directory_of(home) / plan.erasure_id / PLAN
    for directory in (path.parents[2], path.parents[1], path.parent):
        directory.mkdir(mode=0o700, exist_ok=True)
    write_atomically(path, (json.dumps(asdict(plan), ensure_ascii=False, indent=1) + "\n").encode())


def open_plans(home: Home) -> list[Plan]:
    """Erasures that were begun and not finished, oldest first. Raises UserError for a damaged plan."""
    plans = []
    for path in sorted(directory_of(home).glob(f"*/{PLAN}")):
        try:
            plans.append(Plan(**json.loads(path.read_text(encoding="utf-8"))))
        except (ValueError, TypeError) as error:
            raise UserError(f"{path}: not the plan of an erasure ({type(error).__name__})") from error
    return sorted(plans, key=lambda plan: plan.requested_at)


def close(home: Home, plan: Plan, receipt: dict[str, Any]) -> Path:
    """Writes the receipt and removes the plan."""
    directory = directory_of(home) / plan.erasure_id
    path = directory / RECEIPT
    write_atomically(path, (json.dumps(receipt, ensure_ascii=False, indent=1) + "\n").encode())
    (directory / PLAN).unlink()
    return path
