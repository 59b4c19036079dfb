"""What a steward may enter for an attribute of a customer, brought into the form that golden records have.

Messages name the attribute and how to write it, never the value: it is personal.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

import phonenumbers

from stammkunde.errors import UserError
from stammkunde.golden.survivorship import FIELDS
from stammkunde.settings import nearest

LONGEST_TEXT = 200
"""Characters of a value."""
ATTRIBUTES = {field: group for group, fields in FIELDS.items() for field in fields}
"""Attribute → its group."""
_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[a-z]{2,}")
_VAT_ID = re.compile(r"DE\d{9}|ATU\d{8}|CHE\d{9}|(?!DE|AT|CH)[A-Z]{2}[0-9A-Z]{8,12}")
_POSTAL_CODES = {"DE": r"\d{5}", "AT": r"\d{4}", "CH": r"\d{4}"}


class ValueRefused(UserError):
    """A value that the attribute cannot have."""


def known_attribute(name: str) -> str:
    """The attribute's group. Raises ValueRefused with the nearest attribute for an unknown one."""
    if name not in ATTRIBUTES:
        raise ValueRefused(f"unknown attribute {name!r}; {nearest(name, ATTRIBUTES)}")
    return ATTRIBUTES[name]


def checked_value(attribute: str, text: str, *, country: str, as_of: date) -> str:
    """The value in the form of the golden record: ISO date, E.164, e-mail in lower case …

    `country` is that of the customer's address: it decides how a number without a country code and a postal
    code are read. `as_of`: no birth date on or after it.

    Raises ValueRefused naming the attribute and how to write it.
    """
    known_attribute(attribute)
    value = " ".join(text.split())
    if not value:
        raise ValueRefused(f"{attribute}: the value is empty; --remove takes a value away")
    if len(value) > LONGEST_TEXT or not value.isprintable():
        raise ValueRefused(f"{attribute}: at most {LONGEST_TEXT} printable characters")
    checks: dict[str, Callable[[], str]] = {
        "birth_date": lambda: _birth_date(value, as_of),
        "email": lambda: _email(value),
        "phone": lambda: _phone(value, country),
        "vat_id": lambda: _vat_id(value),
        "country": lambda: _country(value),
        "postal_code": lambda: _postal_code(value, country),
    }
    return checks[attribute]() if attribute in checks else value


def _birth_date(value: str, as_of: date) -> str:
    german = re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", value)
    parts = (german[3], german[2], german[1]) if german else tuple(value.split("-"))
    try:
        year, month, day = (int(part) for part in parts)
        born = date(year, month, day)
    except ValueError:
        raise ValueRefused("birth_date: not a day; write 1980-05-17 or 17.05.1980") from None
    if not date(1905, 1, 1) <= born < as_of:
        raise ValueRefused("birth_date: must lie between 1905 and today")
    return born.isoformat()


def _email(value: str) -> str:
    if not _EMAIL.fullmatch(value.lower()):
        raise ValueRefused("email: not an e-mail address; write name@example.org")
    return value.lower()


def _phone(value: str, country: str) -> str:
    try:
        number = phonenumbers.parse(value, country)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_valid_number(number):
        raise ValueRefused(f"phone: no such number (read as one of {country}); write +49 89 1234567")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _vat_id(value: str) -> str:
    plain = re.sub(r"(MWST|TVA|IVA)$", "", re.sub(r"[^A-Z0-9]", "", value.upper()))
    if not _VAT_ID.fullmatch(plain):
        raise ValueRefused("vat_id: not a VAT id; write DE123456788, ATU12345675 or CHE123456788")
    return plain


def _country(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{2}", value):
        raise ValueRefused("country: write the ISO code of two letters, such as DE, AT or CH")
    return value.upper()


def _postal_code(value: str, country: str) -> str:
    pattern = _POSTAL_CODES.get(country, r"[0-9A-Za-z][0-9A-Za-z -]{1,9}")
    if not re.fullmatch(pattern, value):
        digits = {"DE": "five", "AT": "four", "CH": "four"}.get(country)
        wanted = f"{digits} digits in {country}" if digits else "two to ten letters and digits"
        raise ValueRefused(f"postal_code: {wanted}")
    return value
