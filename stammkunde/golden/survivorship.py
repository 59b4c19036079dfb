"""`config/survivorship.yml`: which source's value survives in the golden record.

Belongs here: what the file may say, and the dbt var that carries it into `golden.survivorship_rule`. Does not
belong here: how candidates are ranked (dbt/models/intermediate/golden).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import field_validator

from stammkunde.home import PROJECT_ROOT
from stammkunde.settings import Section, read_settings

SETTINGS_FILE = PROJECT_ROOT / "config" / "survivorship.yml"

Source = Literal["shop", "branch", "webshop", "leads"]
Strategy = Literal["source_priority", "most_recent", "most_frequent", "most_complete", "longest"]

FIELDS: dict[str, tuple[str, ...]] = {
    "name": ("salutation", "title", "first_name", "last_name"),
    "company_name": ("company_name",),
    "vat_id": ("vat_id",),
    "birth_date": ("birth_date",),
    "email": ("email",),
    "phone": ("phone",),
    "address": ("street", "house_no", "postal_code", "city", "country"),
    "branch_id": ("branch_id",),
    "sales_rep_id": ("sales_rep_id",),
}
"""Group → the attributes of `customer` that move together."""


class Rule(Section):
    """How one group is decided.

    `strategy` is one or up to three, each decides what the ones before leave even. `sources` overrides the
    file's order of trust. `allow_fill` takes fields that the winner leaves empty from another record with the
    same name or the same address.
    """

    strategy: tuple[Strategy, ...]
    sources: tuple[Source, ...] | None = None
    allow_fill: bool = False

    @field_validator("strategy", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("strategy")
    @classmethod
    def _few_and_different(cls, value: tuple[Strategy, ...]) -> tuple[Strategy, ...]:
        if not 1 <= len(value) <= 3:
            raise ValueError("name one to three strategies")
        return _each_once(value)

    @field_validator("sources")
    @classmethod
    def _named_once(cls, value: tuple[Source, ...] | None) -> tuple[Source, ...] | None:
        return None if value is None else _each_once(value)


class SimpleRule(Rule):
    """How a group of one field is decided; there is nothing to fill."""

    @field_validator("allow_fill")
    @classmethod
    def _nothing_to_fill(cls, value: bool) -> bool:
        if value:
            raise ValueError("a group of one field has nothing to fill; only 'name' and 'address' have")
        return value


class Groups(Section):
    """One rule per group of fields; all have to be named."""

    name: Rule
    company_name: SimpleRule
    vat_id: SimpleRule
    birth_date: SimpleRule
    email: SimpleRule
    phone: SimpleRule
    address: Rule
    branch_id: SimpleRule
    sales_rep_id: SimpleRule


class Survivorship(Section):
    """The whole file. `sources`: from the most trusted; one that is not named comes after those that are."""

    sources: tuple[Source, ...] = ("branch", "shop", "webshop", "leads")
    groups: Groups

    @field_validator("sources")
    @classmethod
    def _named_once(cls, value: tuple[Source, ...]) -> tuple[Source, ...]:
        return _each_once(value)

    def dbt_var(self) -> dict[str, dict[str, Any]]:
        """The dbt var `survivorship`: group → strategies, all sources from the most trusted, allow_fill."""
        rules = {}
        for group in FIELDS:
            rule: Rule = getattr(self.groups, group)
            named = rule.sources if rule.sources is not None else self.sources
            rest = (source for source in (*self.sources, *get_args(Source)) if source not in named)
            rules[group] = {
                "strategies": list(rule.strategy),
                "sources": list(dict.fromkeys((*named, *rest))),
                "allow_fill": rule.allow_fill,
            }
        return rules


def load_survivorship(path: Path = SETTINGS_FILE) -> Survivorship:
    """Reads and checks the file. Raises ConfigError naming the file and the key."""
    return read_settings(path, Survivorship)


def _each_once(value: tuple[Any, ...]) -> tuple[Any, ...]:
    twice = sorted({word for word in value if value.count(word) > 1})
    if twice:
        raise ValueError(f"{twice[0]!r} is named twice")
    return value
