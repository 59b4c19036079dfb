"""`config/lifecycle.yml`: when a customer is loyal, lapsing, lost.

Belongs here: what the file may say, and the dbt vars that carry it into `int_lifecycle_events`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from stammkunde.home import PROJECT_ROOT
from stammkunde.settings import Section, read_settings

SETTINGS_FILE = PROJECT_ROOT / "config" / "lifecycle.yml"


class Loyal(Section):
    """So many days with a purchase within so many days make a customer loyal."""

    purchase_days: int = Field(default=5, ge=2)
    within_days: int = Field(default=365, ge=7)


class Silence(Section):
    """After how long without a purchase a stage begins.

    `after_days` for everybody, or `after_gaps` times the customer's own median gap between purchases, held
    between `at_least_days` and `at_most_days`.
    """

    after_days: int = Field(ge=1)
    after_gaps: float | None = Field(default=None, gt=0)
    at_least_days: int = Field(default=30, ge=1)
    at_most_days: int = Field(default=730, ge=1)

    @model_validator(mode="after")
    def _in_order(self) -> Silence:
        if self.at_least_days > self.at_most_days:
            raise ValueError("at_least_days exceeds at_most_days")
        return self


class Lifecycle(Section):
    """The whole file. `rhythm_from_purchase_days`: purchase days from which a customer's rhythm is known."""

    loyal: Loyal = Loyal()
    lapsing: Silence = Silence(after_days=180)
    lost: Silence = Silence(after_days=365)
    rhythm_from_purchase_days: int = Field(default=4, ge=2)

    @model_validator(mode="after")
    def _lapsing_comes_first(self) -> Lifecycle:
        if self.lapsing.after_days >= self.lost.after_days:
            raise ValueError("lapsing.after_days must be below lost.after_days")
        if (self.lapsing.after_gaps is None) != (self.lost.after_gaps is None):
            raise ValueError("after_gaps: set it for lapsing and for lost, or for neither")
        if self.lapsing.after_gaps is not None and self.lost.after_gaps is not None:
            if self.lapsing.after_gaps >= self.lost.after_gaps:
                raise ValueError("lapsing.after_gaps must be below lost.after_gaps")
            for name in ("at_least_days", "at_most_days"):
                if getattr(self.lapsing, name) > getattr(self.lost, name):
                    raise ValueError(f"lapsing.{name} exceeds lost.{name}")
        return self

    def dbt_vars(self) -> dict[str, Any]:
        """The dbt vars `lifecycle_…`."""
        rhythm: dict[str, Any] = {}
        for stage in ("lapsing", "lost"):
            silence: Silence = getattr(self, stage)
            rhythm[f"lifecycle_{stage}_days"] = silence.after_days
            rhythm[f"lifecycle_{stage}_gaps"] = silence.after_gaps
            rhythm[f"lifecycle_{stage}_days_min"] = silence.at_least_days
            rhythm[f"lifecycle_{stage}_days_max"] = silence.at_most_days
        return {
            "lifecycle_loyal_purchases": self.loyal.purchase_days,
            "lifecycle_loyal_window_days": self.loyal.within_days,
            "lifecycle_rhythm_purchases": self.rhythm_from_purchase_days,
            **rhythm,
        }


def load_lifecycle(path: Path = SETTINGS_FILE) -> Lifecycle:
    """Reads and checks the file. Raises ConfigError naming the file and the key."""
    return read_settings(path, Lifecycle)
