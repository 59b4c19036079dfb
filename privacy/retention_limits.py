"""How old rows may be: the limits that `stammkunde retention --apply` has set.

They stand in `privacy/retention.json` of the home, so that ingestion refuses what retention removed, also
when a source delivers its whole past again. Belongs here: the file. Does not belong here: the settings that a
retailer writes (`privacy/retention.py`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from ingestion.contracts import Table
from stammkunde.errors import UserError
from stammkunde.files import write_atomically
from stammkunde.home import Home


@dataclass(frozen=True)
class Limits:
    """`days` is source.table → (time column, first day that is kept)."""

    days: dict[str, tuple[str, date]] = field(default_factory=dict)

    def of(self, table: Table) -> tuple[str, date] | None:
        return self.days.get(f"{table.source}.{table.name}")


def path_of(home: Home) -> Path:
    """The file of the limits."""
    return home.root / "privacy" / "retention.json"


def limits_of(home: Home) -> Limits:
    """The limits in force; no file means none. Raises UserError for a damaged file."""
    path = path_of(home)
    if not path.exists():
        return Limits()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Limits({t: (e["column"], date.fromisoformat(e["from"])) for t, e in content.items()})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path}: not the limits of retention ({type(error).__name__}); restore it from a backup"
        ) from error


def write_limits(home: Home, limits: Limits) -> None:
    """Replaces the limits; on disk when this returns."""
    path = path_of(home)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    content = {t: {"column": c, "from": d.isoformat()} for t, (c, d) in sorted(limits.days.items())}
    write_atomically(path, (json.dumps(content, indent=1) + "\n").encode())
