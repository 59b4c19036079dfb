"""Names of columns and keys as files write them, matched to the names of the contract.

Belongs here: the tolerance in names (case, blanks, aliases), the same for CSV headers and JSON keys.
Does not belong here: splitting lines into fields.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ingestion.contracts import Table
from ingestion.readers.files import Refused

_SEPARATORS = re.compile(r"[\s.\-]+")
_LOOKS_LIKE_NAME = re.compile(r"[A-Za-zÄÖÜäöüß][A-Za-zÄÖÜäöüß _.\-]{0,39}")

# What German systems call the columns; the first of the names that a contract has is meant.
_GERMAN: dict[str, tuple[str, ...]] = {
    "anrede": ("salutation",),
    "titel": ("title",),
    "vorname": ("first_name",),
    "nachname": ("last_name",),
    "firma": ("company", "company_name"),
    "geburtsdatum": ("birth_date",),
    "strasse": ("street",),
    "hausnummer": ("house_no",),
    "plz": ("postal_code",),
    "postleitzahl": ("postal_code",),
    "ort": ("city",),
    "land": ("country",),
    "e_mail": ("email",),
    "telefon": ("phone",),
    "mobil": ("mobile",),
    "ust_id": ("vat_id",),
    "mitgliedsnummer": ("member_no",),
    "kartennummer": ("card_no", "loyalty_card_no"),
    "kundennummer": ("customer_no", "customer_id"),
    "filiale": ("store_id", "branch_id"),
}


@dataclass(frozen=True)
class Header:
    """The columns of a CSV file: `positions` maps names of the contract to places, `unknown` is ignored."""

    width: int
    positions: dict[str, int]
    unknown: tuple[str, ...]


def normalise(name: str) -> str:
    """`" E-Mail "` and `e_mail` are the same name."""
    return _SEPARATORS.sub("_", name.strip().casefold())


def names_of(table: Table) -> dict[str, str]:
    """Every accepted name, normalised, and the contract's name of that column."""
    names = {german: field for german, meant in _GERMAN.items() for field in _first_of(meant, table)}
    names |= {normalise(alias): field.name for field in table.fields for alias in field.aliases}
    return names | {normalise(field.name): field.name for field in table.fields}


def _first_of(names: tuple[str, ...], table: Table) -> list[str]:
    return [name for name in names if name in table.field_names][:1]


def match_header(found: list[str], table: Table) -> Header:
    """Finds the contract's columns in the header.

    Raises Refused if no column is known, a required one is missing or two columns mean the same.
    """
    names = names_of(table)
    positions: dict[str, int] = {}
    unknown: list[str] = []
    for place, title in enumerate(found):
        field = names.get(normalise(title))
        if field is None:
            unknown.append(title.strip() or f"(column {place + 1} without a name)")
        elif field in positions:
            both = f"{found[positions[field]].strip()!r} and {title.strip()!r}"
            raise Refused(f"the header names the column {field} twice ({both})", 1, field)
        else:
            positions[field] = place
    if not positions:
        raise Refused(
            f"the header holds no known column; expected {listed(table.field_names)}, found {_shown(found)}",
            1,
        )
    missing = [f.name for f in table.fields if f.required and f.name not in positions]
    if missing:
        raise Refused(
            f"the header lacks the required column{'s' * (len(missing) > 1)} {', '.join(missing)}; "
            f"found {listed(tuple(title.strip() for title in found))}",
            1,
            missing[0],
        )
    return Header(len(found), positions, tuple(unknown))


def count_known(found: list[str], table: Table) -> int:
    """How many of the titles the contract knows."""
    names = names_of(table)
    return sum(normalise(title) in names for title in found)


def _shown(found: list[str]) -> str:
    """The titles, unless the first line may be a row with personal values."""
    if all(_LOOKS_LIKE_NAME.fullmatch(title.strip()) for title in found) and len(set(found)) == len(found):
        return listed(tuple(found))
    return f"a first line of {len(found)} fields that are no names of columns"


def listed(names: tuple[str, ...], most: int = 30) -> str:
    """Names for a message, not endlessly many."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
