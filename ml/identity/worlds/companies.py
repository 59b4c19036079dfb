"""Companies: names, legal forms, VAT ids, domains, and who speaks for them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.identity.worlds.columns import Ints, Text, at, digits, glue, if_, mailbox, one_of, weighted
from ml.identity.worlds.lists import Lists

_TRADES = [
    "Zimmerei", "Tischlerei", "Bäckerei", "Konditorei", "Fleischerei", "Autohaus", "Kfz-Werkstatt",
    "Gasthaus", "Hotel", "Pension", "Café", "Apotheke", "Zahnarztpraxis", "Physiotherapie", "Kanzlei",
    "Steuerberatung", "Ingenieurbüro", "Architekten", "Elektrotechnik", "Heizungsbau", "Sanitärtechnik",
    "Dachdeckerei", "Malermeister", "Gartenbau", "Landschaftsbau", "Baumarkt", "Spedition", "Transporte",
    "Druckerei", "Werbeagentur", "Softwarehaus", "Maschinenbau", "Metallbau", "Holzbau", "Immobilien",
    "Hausverwaltung", "Versicherungsbüro", "Reisebüro", "Buchhandlung", "Optik", "Friseursalon",
    "Kosmetikstudio", "Fahrschule", "Musikschule", "Sportverein", "Kindergarten", "Seniorenheim", "Reitstall",
    "Weingut", "Brauerei",
]  # fmt: skip
_FORMS = (
    "GmbH 44|GmbH & Co. KG 15|e.K. 9|KG 6|UG (haftungsbeschränkt) 6|GbR 9|OHG 3|AG 3|e.V. 5",
    "GmbH 56|KG 12|e.U. 18|OG 9|AG 5",
    "AG 40|GmbH 46|Kollektivgesellschaft 6|Verein 8",
)
_SAID = [
    ("GmbH & Co. KG", "GmbH & Co KG"), ("GmbH & Co. KG", "GmbH u. Co. KG"), ("GmbH", "G.m.b.H."),
    ("e.K.", "eK"), (" & ", " und "), (" & ", " u. "), ("GmbH", "gmbh"), ("UG (haftungsbeschränkt)", "UG"),
    ("e.V.", "e. V."), ("AG", "Aktiengesellschaft"), ("-", " "),
]  # fmt: skip


@dataclass(frozen=True)
class Companies:
    """Columns of the companies; `contact` is the row of the person who speaks for it."""

    name: Text
    core: Text
    """The name without its legal form."""
    vat_id: Text
    domain: Text
    email: Text
    contact: Ints

    @property
    def size(self) -> int:
        return len(self.contact)


def make_companies(
    rng: np.random.Generator, lists: Lists, country: Ints, town: Ints, contact: Ints
) -> Companies:
    """One company per entry of `country`, `town` and `contact`."""
    n = len(country)
    owner, partner = (at(lists.surname, weighted(rng, lists.surname_weight, n)) for _ in range(2))
    trade = one_of(rng, _TRADES, n)
    core = pc.choose(
        pa.array(weighted(rng, [34, 24, 12, 10, 12, 8], n)),
        glue(trade, " ", owner),
        glue(owner, " ", trade),
        glue(owner, " & ", partner, " ", trade),
        glue(trade, " ", owner, " & Söhne"),
        glue(trade, " ", at(lists.town, town)),
        glue(owner, "-", trade),
    )
    form = pc.choose(pa.array(country), *(one_of(rng, forms, n) for forms in _FORMS))
    number = rng.integers(10_000_000, 99_999_999, n)
    # Check digits are right: an invalid id is a mistake, not the rule.
    vat_id = pc.choose(pa.array(country), *(_VAT[c](number) for c in range(3)))
    vat_id = if_(rng.random(n) < 0.85, vat_id, None)
    domain = glue(mailbox(core), if_(rng.random(n) < 0.4, digits(np.arange(n)), ""), ".",
                  at(pa.array(["de", "at", "ch"]), country))  # fmt: skip
    box = one_of(rng, "info 60|kontakt 10|office 12|mail 8|post 5|buero 5", n)
    email = if_(rng.random(n) < 0.92, glue(box, "@", domain), None)
    return Companies(glue(core, " ", form), core, vat_id, domain, email, contact)


def said_otherwise(rng: np.random.Generator, names: Text, cores: Text) -> Text:
    """How others write a company: another form of its legal form, or without it, or with Firma before it."""
    n = len(names)
    kind = weighted(rng, [30, 10] + [6] * len(_SAID), n)
    result = if_(kind == 0, cores, names)
    result = if_(kind == 1, glue("Fa. ", cores), result)
    for number, (old, new) in enumerate(_SAID, start=2):
        result = if_(kind == number, pc.replace_substring(result, old, new), result)
    return result


def _columns(number: Ints, width: int) -> Ints:
    return number[:, None] // 10 ** np.arange(width - 1, -1, -1) % 10


def german_vat_id(number: Ints) -> Text:
    """DE and nine digits, the last one by ISO 7064 MOD 11,10; `number` has eight digits."""
    product = np.full(len(number), 10)
    for digit in _columns(number, 8).T:
        total = (digit + product) % 10
        product = 2 * np.where(total == 0, 10, total) % 11
    return glue("DE", digits(number * 10 + (11 - product) % 10, 9))


def austrian_vat_id(number: Ints) -> Text:
    """ATU and eight digits; the first seven of `number` count."""
    number = number // 10
    digit = _columns(number, 7)
    twice = digit[:, 1::2] * 2
    total = digit[:, ::2].sum(axis=1) + (twice // 10 + twice % 10).sum(axis=1) + 4
    return glue("ATU", digits(number * 10 + (10 - total % 10) % 10, 8))


def swiss_vat_id(number: Ints) -> Text:
    """CHE-123.456.789 MWST, the last digit by MOD 11; a number without valid digit is passed over."""
    weight = np.array([5, 4, 3, 2, 7, 6, 5, 4])
    check = (11 - (_columns(number, 8) * weight).sum(axis=1) % 11) % 11
    # No number has the check digit 10; a last digit that is one lower changes it by four.
    number = np.where(check == 10, np.where(number % 10 > 0, number - 1, number + 1), number)
    check = (11 - (_columns(number, 8) * weight).sum(axis=1) % 11) % 11
    text = digits(number * 10 + check, 9)
    part = [pc.utf8_slice_codeunits(text, i, i + 3) for i in (0, 3, 6)]
    return glue("CHE-", part[0], ".", part[1], ".", part[2], " MWST")


_VAT = (german_vat_id, austrian_vat_id, swiss_vat_id)
