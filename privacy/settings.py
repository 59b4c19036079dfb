"""`config/privacy.yml`: purposes and rights for the disclosure, and how long rows are kept.

Belongs here: what the file may say. Does not belong here: applying it (`privacy/retention.py`).
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator

from privacy.rules import RULES
from stammkunde.home import PROJECT_ROOT
from stammkunde.settings import Section, nearest, read_settings

CONFIG = PROJECT_ROOT / "config" / "privacy.yml"


class Purpose(Section):
    """What data is used for: the purpose, its legal basis, and how long."""

    purpose: str = Field(min_length=3)
    legal_basis: str = Field(min_length=3)
    kept: str = Field(min_length=3)


class Retention(Section):
    """`rows_days` is source.table → days; `inactive_customers_days` erases who was silent for so long."""

    rows_days: dict[str, int] = Field(default_factory=dict)
    inactive_customers_days: int | None = Field(default=None, ge=30)

    @field_validator("rows_days")
    @classmethod
    def _tables_exist(cls, rows_days: dict[str, int]) -> dict[str, int]:
        known = removable_tables()
        for name, days in rows_days.items():
            if name not in known:
                raise ValueError(f"{name}: no table whose rows may be removed by age; {nearest(name, known)}")
            if days < 1:
                raise ValueError(f"{name}: at least one day")
        return rows_days


class PrivacySettings(Section):
    """The whole file."""

    controller: str = ""
    purposes: tuple[Purpose, ...] = ()
    rights: str = ""
    retention: Retention = Retention()


def removable_tables() -> dict[str, str]:
    """source.table → time column of what may be removed by age: leads and contacts.

    Never receipts, which tax law keeps, and never customers: those end by being inactive, not by being old.
    """
    return {
        f"{rule.source}.{rule.table}": rule.time
        for rule in RULES
        if rule.time and not rule.blank and rule.source in ("leads", "touchpoints")
    }


def load_privacy(path: Path = CONFIG) -> PrivacySettings:
    """Reads the file; without it nothing is removed by age. Raises ConfigError naming file and key."""
    return read_settings(path, PrivacySettings) if path.exists() else PrivacySettings()
