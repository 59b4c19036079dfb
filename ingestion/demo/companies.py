"""Companies: names with legal forms, VAT numbers with valid check digits, a contact person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.demo import reference
from ingestion.demo.text import Text, join, number_text, slug, take, where
from ingestion.demo.world import Ints, World, pick

_TRADES = (
    "Gartenbau", "Gärtnerei", "Hausverwaltung", "Malerbetrieb", "Schreinerei", "Landgasthof", "Hotel",
    "Tierarztpraxis", "Reiterhof", "Baumschule", "Metallbau", "Elektro", "Sanitär", "Dachdeckerei",
    "Bäckerei", "Metzgerei", "Weingut", "Kindergarten", "Autohaus",
    "Architekturbüro", "Steuerkanzlei", "Fliesen",
    "Bauunternehmung", "Spedition", "Druckerei", "Apotheke", "Floristik", "Hofladen", "Campingplatz",
    "Immobilien",
)  # fmt: skip
_FORMS = {
    0: ("GmbH 45|GmbH & Co. KG 14|e.K. 10|KG 6|UG (haftungsbeschränkt) 6|GbR 8|OHG 3|AG 3|e.V. 5"),
    1: ("GmbH 60|KG 12|e.U. 16|OG 8|AG 4"),
    2: ("AG 42|GmbH 44|Kollektivgesellschaft 6|Verein 8"),
}
_SWISS_WEIGHTS = np.array([5, 4, 3, 2, 7, 6, 5, 4])


@dataclass(frozen=True)
class Companies:
    """Columns of the companies; `contact` is the row of the person who speaks for the company."""

    name: Text
    vat_id: Text
    email: Text
    contact: Ints


def german_check_digit(digits: Ints) -> Ints:
    """Check digits of eight-digit German VAT numbers (ISO 7064 MOD 11, 10); `digits` has eight columns."""
    product = np.full(len(digits), 10)
    for position in range(8):
        total = (digits[:, position] + product) % 10
        total = np.where(total == 0, 10, total)
        product = (2 * total) % 11
    check = 11 - product
    return np.where(check == 10, 0, check)


def austrian_check_digit(digits: Ints) -> Ints:
    """Check digits of seven-digit Austrian VAT numbers (UID); `digits` has seven columns."""
    doubled = digits[:, 1::2]
    total = digits[:, 0::2].sum(axis=1) + (doubled // 5 + (doubled * 2) % 10).sum(axis=1)
    return (10 - (total + 4) % 10) % 10


def swiss_check_digit(digits: Ints) -> Ints:
    """Check digits of eight-digit Swiss UID numbers (MOD 11); 10 marks a number that is never issued."""
    return (11 - (digits * _SWISS_WEIGHTS).sum(axis=1) % 11) % 11


def _digits(rng: np.random.Generator, size: int, width: int) -> Ints:
    digits = rng.integers(0, 10, (size, width))
    digits[:, 0] = np.maximum(digits[:, 0], 1)
    return digits


def _as_text(digits: Ints, check: Ints) -> Text:
    scale = 10 ** np.arange(digits.shape[1] - 1, -1, -1)
    return number_text((digits * scale).sum(axis=1) * 10 + check, digits.shape[1] + 1)


def vat_ids(rng: np.random.Generator, country: Ints) -> Text:
    """VAT numbers as printed on invoices: DE123456788, ATU12345675, CHE-123.456.788 MWST."""
    size = len(country)
    german = _digits(rng, size, 8)
    austrian = _digits(rng, size, 7)
    swiss = _digits(rng, size, 8)
    # A check digit of 10 is not issued; lowering the third digit (weight 3) by one or two moves it away.
    swiss[:, 2] = np.maximum(swiss[:, 2], 1)
    swiss[:, 2] -= swiss_check_digit(swiss) == 10
    uid = _as_text(swiss, swiss_check_digit(swiss))
    dotted = join(
        "CHE-", pc.utf8_slice_codeunits(uid, 0, 3), ".", pc.utf8_slice_codeunits(uid, 3, 6), ".",
        pc.utf8_slice_codeunits(uid, 6, 9), " MWST",
    )  # fmt: skip
    return pc.choose(
        pa.array(country),
        join("DE", _as_text(german, german_check_digit(german))),
        join("ATU", _as_text(austrian, austrian_check_digit(austrian))),
        dotted,
    )


def make_companies(world: World, persons: int, country: Ints, shuffled_persons: Ints) -> Companies:
    """Draws one company per entry of `country`."""
    rng = world.rng("companies")
    size = len(country)
    contact = shuffled_persons[np.arange(size) % max(persons, 1)]
    surnames, shares = reference.surnames()
    owner = take(surnames, pick(rng, shares, size))
    partner = take(surnames, pick(rng, shares, size))
    trade = take(pa.array(_TRADES), rng.integers(0, len(_TRADES), size))
    town = take(reference.texts("towns", "town"), rng.integers(0, 300, size))
    core = pc.choose(
        pa.array(pick(rng, np.array([45, 15, 15, 15, 10]), size)),
        join(trade, " ", owner),
        join(owner, " ", trade),
        join(owner, " & Sohn ", trade),
        join(owner, " & ", partner),
        join(trade, " ", town),
    )
    form = pa.nulls(size, pa.string())
    for code, listed in _FORMS.items():
        pairs = [p.rsplit(" ", 1) for p in listed.split("|")]
        chosen = take(
            pa.array([p[0] for p in pairs]), pick(rng, np.array([float(p[1]) for p in pairs]), size)
        )
        form = where(country == code, chosen, form)
    box = take(pa.array(["info", "kontakt", "office", "mail", "buero"]), rng.integers(0, 5, size))
    ending = take(pa.array(["de", "at", "ch"]), country)
    domain = join(
        slug(core), where(rng.random(size) < 0.3, number_text(rng.integers(1, 99, size)), ""), ".", ending
    )
    vat_id = where(rng.random(size) < 0.9, vat_ids(rng, country), pa.scalar(None, pa.string()))
    return Companies(join(core, " ", form), vat_id, join(box, "@", domain), contact)
