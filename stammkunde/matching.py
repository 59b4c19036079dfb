"""`config/matching.yml`: what makes two records one customer.

Belongs here: what the file may say, and the dbt vars of it. Does not belong here: the weights themselves
(`ml/identity/weights/`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field, field_validator

from stammkunde.home import PROJECT_ROOT
from stammkunde.settings import Section, read_settings

SETTINGS_FILE = PROJECT_ROOT / "config" / "matching.yml"

Veto = Literal[
    "person_and_company", "other_vat_id", "other_birth_date", "two_generations", "twins", "distinct_numbers"
]
ALL_VETOES: tuple[Veto, ...] = get_args(Veto)
System = Literal["shop", "branch", "webshop", "leads"]


class Adaptation(Section):
    """How far the weights follow the retailer's own data, which carries no labels. 0: not, 1: fully.

    `prior` is the share of candidate pairs that are one customer.
    """

    prior: float = Field(default=1.0, ge=0, le=1)


class Poisoned(Section):
    """How many different people may share an identifier before it says nothing about who someone is."""

    identifiers: int = Field(default=8, ge=1)
    phones: int = Field(default=10, ge=1)
    birth_dates: int = Field(default=30, ge=1)


class MatchingSettings(Section):
    """The whole file; every key has a default, those of the product."""

    weights: Path | None = None
    adaptation: Adaptation = Adaptation()
    threshold: Literal["auto"] | float = "auto"
    wrong_match_weight: float = Field(default=2.0, ge=0.5, le=20)
    vetoes: tuple[Veto, ...] = ALL_VETOES
    generation_years: int = Field(default=14, ge=10, le=40)
    systems_without_duplicates: tuple[System, ...] = ()
    maximum_cluster_size: int = Field(default=200, ge=2)
    block_size_limit: int = Field(default=40, ge=2, le=500)
    poisoned: Poisoned = Poisoned()

    @field_validator("threshold")
    @classmethod
    def _a_probability(cls, value: Literal["auto"] | float) -> Literal["auto"] | float:
        if value != "auto" and not 0.5 <= value < 1:
            raise ValueError("'auto', or a probability from 0.5 to below 1")
        return value

    def dbt_vars(self) -> dict[str, Any]:
        """The dbt vars of normalising, blocking and comparing."""
        return {
            "block_size_limit": self.block_size_limit,
            "generation_years": self.generation_years,
            "systems_without_duplicates": list(self.systems_without_duplicates),
            "poisoned_identifier_names": self.poisoned.identifiers,
            "poisoned_phone_names": self.poisoned.phones,
            "poisoned_birth_date_names": self.poisoned.birth_dates,
        }


def load_matching(path: Path = SETTINGS_FILE) -> MatchingSettings:
    """Reads and checks the file; paths in it are relative to it.

    Raises ConfigError naming the file and the key.
    """
    settings = read_settings(path, MatchingSettings)
    if settings.weights is None:
        return settings
    return settings.model_copy(update={"weights": (path.parent / settings.weights).resolve()})
