"""How a world is: who lives in it, what its source systems ask for, which mistakes are made how often.

Every number is a share (0–1) unless its text says otherwise. `PRESETS` names the worlds that the benchmark
uses; `varied` draws further ones.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date

import numpy as np


@dataclass(frozen=True)
class SourceSettings:
    """One source system: whom it knows and what it leaves empty."""

    system: str
    persons: float
    """Of the persons, the share with a record here."""
    companies: float
    """Of the companies."""
    again: float = 0.05
    """Further records of one it knows already, typed in anew."""
    copied: float = 0.01
    """Records that are copies of another one here, same content and another number."""
    missing_name: float = 0.0
    missing_first_name: float = 0.0
    missing_email: float = 0.3
    missing_phone: float = 0.4
    missing_mobile: float = 1.0
    """1: the system has one field for phones."""
    missing_birth_date: float = 0.5
    missing_address: float = 0.05
    missing_street: float = 0.0
    """Of the addresses, those of which only the postal code (and the city) is known."""
    card_known: float = 0.0
    guests: float = 0.0
    """Of the persons' records, those made by a checkout without account."""
    second_email: float = 0.15
    """Of those who have two addresses of their own, who gives the second one here."""
    work_contact: float = 0.02
    """Of the employed, who gives the address at work here."""
    informal: float = 1.0
    """Factor on nicknames and shortened names."""
    careless: float = 1.0
    """Factor on all mistakes of typing."""


SHOP = SourceSettings(
    "shop", persons=0.60, companies=0.08, again=0.045, copied=0.006, missing_first_name=0.01,
    missing_email=0.37, missing_phone=0.28, missing_birth_date=0.22, missing_address=0.07,
    missing_street=0.02, card_known=1.0, second_email=0.18, work_contact=0.01, informal=1.0, careless=1.3,
)  # fmt: skip
WEBSHOP = SourceSettings(
    "webshop", persons=0.46, companies=0.30, again=0.05, copied=0.004, missing_email=0.0, missing_phone=0.36,
    missing_birth_date=0.62, missing_address=0.02, card_known=0.06, guests=0.15, second_email=0.30,
    work_contact=0.03, informal=0.8, careless=0.7,
)  # fmt: skip
BRANCH = SourceSettings(
    "branch", persons=0.27, companies=0.75, again=0.045, copied=0.012, missing_first_name=0.015,
    missing_email=0.55, missing_phone=0.22, missing_mobile=0.50, missing_birth_date=0.72,
    missing_address=0.02, missing_street=0.01, card_known=0.08, second_email=0.18, work_contact=0.02,
    informal=0.7, careless=1.2,
)  # fmt: skip
LEADS = SourceSettings(
    "leads", persons=0.185, companies=0.06, again=0.20, copied=0.008, missing_name=0.08,
    missing_first_name=0.03, missing_email=0.10, missing_phone=0.46, missing_birth_date=0.93,
    missing_address=0.34, missing_street=0.20, second_email=0.28, work_contact=0.08, informal=1.6,
    careless=1.1,
)  # fmt: skip


@dataclass(frozen=True)
class WorldSettings:
    """A world. The defaults are those of a German retailer with customers in Austria and Switzerland."""

    sources: tuple[SourceSettings, ...] = (SHOP, WEBSHOP, BRANCH, LEADS)
    until: date = date(2026, 10, 31)
    """Last day on which a record is made; the first lies eight years before."""
    loyalty_spread: float = 0.7
    """How unequal people are in the number of systems that know them (standard deviation of log-odds)."""

    # who lives together
    companies: float = 0.055
    """Of persons and companies, the companies."""
    couples: float = 0.26
    families: float = 0.27
    """Households with children who are customers themselves."""
    single_parents: float = 0.05
    flat_shares: float = 0.05
    twins: float = 0.04
    """Of the families, those with twins."""
    namesakes: float = 0.04
    """Of the families, those in which a child bears the first name of a parent."""
    grandparents: float = 0.06
    """Of the families, those with a grandmother or grandfather in the house."""
    children_known: float = 0.5
    """Children and flatmates, compared with the others, in the odds of being known to a system."""
    apartments: float = 0.35
    """Households that live in a house where another one lives."""
    abroad: float = 0.10
    """Households in Austria or Switzerland."""

    # what changes in eight years
    moves: float = 0.22
    """Households that move; grown children and flatmates leave at the same rate."""
    renamed: float = 0.25
    """Of the partners who took another name, whose wedding falls into these years."""
    divorced: float = 0.02
    """Of the partners, who take the birth name back and move out."""
    new_mobile: float = 0.16
    outdated: float = 0.52
    """Records that are not told of a change after they were made."""
    takes_name: float = 0.72
    """Of the partners, who bear the other's name."""
    double_name: float = 0.10
    email_of_maiden_name: float = 0.6

    # how people are reached
    landline: float = 0.55
    mobile: float = 0.92
    email: float = 0.93
    two_emails: float = 0.32
    family_email: float = 0.14
    """Households with a common address."""
    family_email_use: float = 0.35
    partners_contact: float = 0.02
    """Records with the e-mail address or the mobile number of somebody else in the household."""
    shared_card: float = 0.18
    """Members of the same household who use one loyalty card."""
    employed: float = 0.15
    """Persons who work for one of the companies."""
    employer_named: float = 0.25
    """Of their leads, those that name the company."""

    # names as they are said
    second_given_name: float = 0.08
    nickname: float = 0.06
    first_initial: float = 0.012
    name_variant: float = 0.01
    """Meier for Mayer, Stefan for Stephan."""
    swapped_names: float = 0.012
    one_field_name: float = 0.012
    """First and last name in one field."""
    title: float = 0.03
    title_told: float = 0.5
    particle: float = 0.008
    salutation_in_name: float = 0.006
    remark_in_name: float = 0.004

    # mistakes of the typist
    typo_first_name: float = 0.018
    typo_last_name: float = 0.025
    typo_street: float = 0.020
    typo_city: float = 0.010
    typo_email: float = 0.008
    email_provider_typo: float = 0.005
    typo_phone: float = 0.008
    typo_postal_code: float = 0.006
    typo_house_no: float = 0.008
    missing_house_no: float = 0.02
    typo_birth_date: float = 0.008
    swapped_day_month: float = 0.008
    only_birth_year: float = 0.004
    phone_fields_mixed: float = 0.08

    # mistakes of the machines
    umlaut_digraph: float = 0.10
    umlaut_dropped: float = 0.02
    mojibake: float = 0.004
    upper_case: float = 0.02
    lower_case: float = 0.02
    leading_zero_lost: float = 0.01
    """Of the German postal codes that begin with 0."""

    # made up
    placeholder_birth_date: float = 0.010
    placeholder_email: float = 0.008
    placeholder_phone: float = 0.010
    junk: float = 0.001
    """Records that are nobody: Laufkunde, Test Test."""

    def __post_init__(self) -> None:
        owners: list[WorldSettings | SourceSettings] = [self, *self.sources]
        for owner in owners:
            for f in fields(owner):
                value = getattr(owner, f.name)
                limit = 5.0 if f.name in ("informal", "careless", "loyalty_spread") else 1.0
                if isinstance(value, float) and not 0 <= value <= limit:
                    raise ValueError(
                        f"{type(owner).__name__}.{f.name} must lie between 0 and {limit:g}, not {value}"
                    )
        if len({s.system for s in self.sources}) != len(self.sources) or not self.sources:
            raise ValueError("WorldSettings.sources: each source system once, at least one")
        if self.couples + self.families + self.single_parents + self.flat_shares > 1:
            raise ValueError("WorldSettings: the shares of couples, families, parents and flats exceed 1")

    def every_source(self, **values: float) -> WorldSettings:
        """The same world with other values in every source."""
        return replace(self, sources=tuple(replace(s, **values) for s in self.sources))  # type: ignore[arg-type]


def clean(settings: WorldSettings) -> WorldSettings:
    """The same people and systems, without any mistake or change."""
    people = {
        "companies", "couples", "families", "single_parents", "flat_shares", "twins", "namesakes",
        "grandparents", "children_known", "apartments", "abroad", "takes_name", "landline", "mobile", "email",
        "loyalty_spread",
    }  # fmt: skip
    rates = {f.name: 0.0 for f in fields(settings) if f.type == "float" and f.name not in people}
    return replace(settings, **rates).every_source(  # type: ignore[arg-type]
        copied=0.0, informal=0.0, careless=0.0, second_email=0.0, work_contact=0.0
    )


def varied(settings: WorldSettings, seed: int, spread: float = 0.35) -> WorldSettings:
    """Another world of the same kind: the odds of every rate are multiplied by exp(normal(0, `spread`)).

    Rates of 0 and 1 stay. To learn from: no two worlds are the same, none is the one that is measured.
    """
    rng = np.random.default_rng([seed, 0x5EED])

    def moved(value: float, limit: float) -> float:
        factor = float(np.exp(rng.normal(0, spread)))
        if limit > 1:
            return min(value * factor, limit)
        return value if value in (0.0, 1.0) else value * factor / (1 - value + value * factor)

    def shaken(owner: WorldSettings | SourceSettings) -> dict[str, float]:
        return {
            f.name: moved(
                getattr(owner, f.name), 5.0 if f.name in ("informal", "careless", "loyalty_spread") else 1.0
            )
            for f in fields(owner)
            if f.type == "float"
        }

    result = shaken(settings)
    households = ("couples", "families", "single_parents", "flat_shares")
    total = sum(result[name] for name in households)
    for name in households if total > 0.95 else ():
        result[name] *= 0.95 / total
    sources = tuple(replace(s, **shaken(s)) for s in settings.sources)  # type: ignore[arg-type]
    return replace(settings, sources=sources, **result)  # type: ignore[arg-type]


REALISTIC = WorldSettings()
PRESETS: dict[str, WorldSettings] = {
    "german": REALISTIC,
    "clean": clean(REALISTIC),
    # a retailer that never asks where one lives
    "no_address": REALISTIC.every_source(missing_address=1.0),
    # one of before the internet
    "no_email": REALISTIC.every_source(missing_email=1.0),
    # name and little else
    "thin": REALISTIC.every_source(
        missing_birth_date=0.97, missing_phone=0.7, missing_email=0.45, missing_address=0.6
    ),
    # a club that asks for everything
    "rich": REALISTIC.every_source(
        missing_name=0.0, missing_first_name=0.0, missing_email=0.06, missing_phone=0.12,
        missing_birth_date=0.08, missing_address=0.02, missing_street=0.0,
    ),
    # everything at once, in one house
    "families": replace(
        REALISTIC, families=0.7, couples=0.2, single_parents=0.03, flat_shares=0.03, twins=0.2,
        namesakes=0.25, family_email=0.5, partners_contact=0.08, shared_card=0.5, landline=0.9,
    ),
}  # fmt: skip
