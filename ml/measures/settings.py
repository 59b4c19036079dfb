"""`config/campaigns.yml`: who, what, when, budget, target and hold-out of each campaign."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from ml.segments.settings import Strategy
from stammkunde.home import PROJECT_ROOT
from stammkunde.settings import Section, read_settings

SETTINGS_FILE = PROJECT_ROOT / "config" / "campaigns.yml"
Stage = Literal["new", "secure", "wavering", "leaving", "lapsed"]


class Audience(Section):
    """Customers who meet every list that is given; an empty audience is everybody with a segment."""

    value_class: tuple[Literal["A", "B", "C"], ...] = ()
    stage: tuple[Stage, ...] = ()
    segment: tuple[str, ...] = ()
    needs_segment: tuple[str, ...] = ()
    strategy: tuple[Strategy, ...] = ()

    def conditions(self) -> tuple[str, list[str]]:
        """A condition on `ml.customer_segment` with its parameters."""
        parts, values = ["true"], []
        for column, allowed in self.model_dump().items():
            if allowed:
                parts.append(f"{column} in ({', '.join('?' for _ in allowed)})")
                values += list(allowed)
        return " and ".join(parts), values


class Campaign(Section):
    """One campaign; both days belong to it."""

    campaign_id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=60)]
    name: Annotated[str, Field(min_length=1)]
    starts_on: date
    ends_on: date
    budget_amount: Annotated[float, Field(ge=0)] = 0.0
    target_amount: Annotated[float, Field(ge=0)] | None = None
    holdout_pct: Annotated[float, Field(ge=0, le=90)] = 10.0
    audience: Audience = Audience()

    @model_validator(mode="after")
    def _in_order(self) -> Campaign:
        if self.ends_on < self.starts_on:
            raise ValueError(f"ends_on ({self.ends_on}) lies before starts_on ({self.starts_on})")
        return self


class CampaignSettings(Section):
    """The whole file."""

    campaigns: tuple[Campaign, ...] = ()

    @field_validator("campaigns")
    @classmethod
    def _distinct(cls, campaigns: tuple[Campaign, ...]) -> tuple[Campaign, ...]:
        names = [c.campaign_id for c in campaigns]
        double = sorted({n for n in names if names.count(n) > 1})
        if double:
            raise ValueError(f"the campaign_id {double[0]!r} is used twice")
        return campaigns


def load_campaigns(path: Path = SETTINGS_FILE) -> tuple[Campaign, ...]:
    """Reads and checks the file. Raises ConfigError naming the file and the key."""
    return read_settings(path, CampaignSettings).campaigns
