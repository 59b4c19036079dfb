"""Legal bases other than consent: `config/consent.yml`. All are off until a retailer switches them on.

Belongs here: what the file may say, and which customers meet a basis' conditions. Does not belong here: the
gate (`exports/consent.py`), which lets nobody through who objected.

Whether the conditions in the forms and texts are met (the notice of the right to object, the balancing of
interests) no database can know: the retailer declares it, with a day or a reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import Field, model_validator

from stammkunde.errors import ConfigError
from stammkunde.home import PROJECT_ROOT
from stammkunde.settings import Section, read_settings

CONFIG = PROJECT_ROOT / "config" / "consent.yml"
BasisName = Literal["existing_customer_email", "legitimate_interest_post"]

Permitted = tuple[str, dict[str, Any]]
"""SQL that selects (customer_id, legal_basis), and its named parameters."""


class LegalBasis(Protocol):
    """A rule that lets customers through who said nothing."""

    def covers(self, channel: str, purpose: str) -> bool: ...

    def permitted(self, as_of: date | None) -> Permitted: ...


class ExistingCustomerEmail(Section):
    """§ 7 (3) UWG: e-mail to customers about the retailer's own similar goods.

    The address comes from a sale (the record of a source that sells), taken on or after `informed_since`,
    the day since which every form tells of the right to object; the last purchase is at most
    `bought_within_days` old. Similar goods and the notice in every mail are the sender's part.
    """

    enabled: bool = False
    informed_since: date | None = None
    bought_within_days: int = Field(default=730, ge=1, le=3650)
    sources: tuple[Literal["shop", "branch", "webshop"], ...] = Field(
        default=("branch", "webshop"), min_length=1
    )

    @model_validator(mode="after")
    def _declared(self) -> ExistingCustomerEmail:
        if self.enabled and self.informed_since is None:
            raise ValueError("informed_since is needed: since when do your forms tell of that right?")
        return self

    def covers(self, channel: str, purpose: str) -> bool:
        return self.enabled and channel == "email" and purpose == "marketing"

    def permitted(self, as_of: date | None) -> Permitted:
        return (
            """
            select metrics.customer_id, 'existing_customer_email'
            from marts.customer_metrics as metrics
            inner join marts.customer_attribute as address
                on metrics.customer_id = address.customer_id and address.attribute = 'email'
            where
                metrics.last_purchase_date > $e_as_of::date - $e_days::integer
                and metrics.last_purchase_date <= $e_as_of::date
                and address.source_system in (select unnest($e_sources::varchar[]))
                and address.observed_at >= $e_since::date
            """,
            {
                "e_as_of": _needed(as_of), "e_days": self.bought_within_days,
                "e_sources": list(self.sources), "e_since": self.informed_since,
            },
        )  # fmt: skip


class LegitimateInterestPost(Section):
    """Art. 6 (1) f GDPR: letters to customers who bought and did not object.

    `balancing_test` names the document in which the retailer weighed the interests. The last purchase is at
    most `bought_within_days` old.
    """

    enabled: bool = False
    balancing_test: str | None = Field(default=None, min_length=3)
    bought_within_days: int = Field(default=730, ge=1, le=3650)

    @model_validator(mode="after")
    def _declared(self) -> LegitimateInterestPost:
        if self.enabled and self.balancing_test is None:
            raise ValueError("balancing_test is needed: where is the balancing of interests documented?")
        return self

    def covers(self, channel: str, purpose: str) -> bool:
        return self.enabled and channel == "post" and purpose == "marketing"

    def permitted(self, as_of: date | None) -> Permitted:
        return (
            """
            select metrics.customer_id, 'legitimate_interest_post'
            from marts.customer_metrics as metrics
            where
                metrics.last_purchase_date > $p_as_of::date - $p_days::integer
                and metrics.last_purchase_date <= $p_as_of::date
            """,
            {"p_as_of": _needed(as_of), "p_days": self.bought_within_days},
        )


class LegalBases(Section):
    """The whole file."""

    existing_customer_email: ExistingCustomerEmail = ExistingCustomerEmail()
    legitimate_interest_post: LegitimateInterestPost = LegitimateInterestPost()


def load_legal_bases(path: Path = CONFIG) -> LegalBases:
    """Reads the file; without it all are off. Raises ConfigError naming the file and the key."""
    return read_settings(path, LegalBases) if path.exists() else LegalBases()


def switched_on(names: Sequence[BasisName], sync: str, path: Path = CONFIG) -> list[LegalBasis]:
    """The bases that a sync names; ConfigError when the file does not switch one of them on."""
    settings = load_legal_bases(path)
    found: list[LegalBasis] = []
    for name in names:
        basis = getattr(settings, name)
        if not basis.enabled:
            raise ConfigError(
                f"sync {sync}: consent.legal_bases: {name} is not switched on; see {path} for its conditions"
            )
        found.append(basis)
    return found


def _needed(as_of: date | None) -> date:
    if as_of is None:
        raise ValueError("a legal basis needs the day of the run")
    return as_of
