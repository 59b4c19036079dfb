"""How often which mistake happens: one documented dataclass, so that tests can make other worlds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ErrorRates:
    """Shares of source records (0–1) that carry a mistake; the mistakes are independent of each other.

    The defaults are what masters of such data report: one record in ten is folded to ASCII somewhere, a few
    per cent are mistyped, one in seven people uses a second e-mail address.
    """

    typo_first_name: float = 0.015
    typo_last_name: float = 0.025
    typo_street: float = 0.02
    typo_email: float = 0.008
    typo_birth_date: float = 0.008
    typo_phone: float = 0.006
    umlaut_digraph: float = 0.08
    """ä → ae, ß → ss in every field of the record."""
    umlaut_dropped: float = 0.025
    """ä → a, ß → s."""
    mojibake: float = 0.002
    """ü → Ã¼: UTF-8 read as cp1252 somewhere on the way."""
    nickname: float = 0.06
    swapped_names: float = 0.01
    swapped_day_month: float = 0.008
    upper_case: float = 0.02
    lower_case: float = 0.015
    street_abbreviated: float = 0.25
    """Straße → Str."""
    title_left_out: float = 0.5
    second_email: float = 0.14
    gmail_dots: float = 0.05
    household_email: float = 0.5
    """Of those whose household has a common address."""
    placeholder_birth_date: float = 0.015
    placeholder_email: float = 0.012
    placeholder_phone: float = 0.012
    stale_address: float = 0.45
    """Of those who moved after the record was made: never told."""
    stale_name: float = 0.5
    """Of those who married after the record was made: never told."""
    missing_email: float = 0.12
    missing_phone: float = 0.25
    missing_birth_date: float = 0.35
    missing_address: float = 0.08
    duplicate_in_system: float = 0.04
    """A second number for the same person in one system."""
    shared_card: float = 0.25
    """Of couples who both have a card: they use one."""
    card_forgotten: float = 0.08
    junk_records: float = 0.001
    """Records that are nobody: Laufkunde, Test Test."""
    impossible_date: float = 0.02
    """Of the birth dates of the older loyalty file: 31.02., month 13."""
    unknown_customer: float = 0.0005
    """Of the branch orders: a customer number that does not exist."""

    @classmethod
    def none(cls) -> ErrorRates:
        """A world without mistakes."""
        return cls(**{name: 0.0 for name in cls.__dataclass_fields__})
