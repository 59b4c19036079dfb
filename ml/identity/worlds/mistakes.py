"""The mistakes of a record: what a person says, what a clerk types, what a machine garbles, in that order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow.compute as pc

from ml.identity.worlds import typing_errors as errors
from ml.identity.worlds.columns import (
    Flags,
    Text,
    digits,
    garbled,
    glue,
    if_,
    known,
    on,
    one_letter,
    one_of,
    two_letters,
)
from ml.identity.worlds.settings import SourceSettings, WorldSettings

WORDS = ("first_name", "last_name", "street", "city")
SHOP_EMAIL = "service@kaufhaus-beispiel.de"
_EMAILS = [SHOP_EMAIL] * 4 + [
    "keine@email.de",
    "nomail@nomail.com",
    "x@x.de",
    "unbekannt@web.de",
    "kunde@kunde.de",
]
_PHONES = ["0", "0000000", "000000000", "0123456789", "123456", "1111111", "08001234567", "-", "?"]
_DATES = np.array(
    ["1900-01-01", "1900-01-01", "1970-01-01", "1980-01-01", "2000-01-01"], dtype="datetime64[D]"
)


class Mistakes:
    """Applies mistakes to the columns of a batch of records and remembers which record got which."""

    def __init__(
        self,
        settings: WorldSettings,
        source: SourceSettings,
        rng: np.random.Generator,
        columns: dict[str, Text],
        birth_date: np.ndarray,
    ) -> None:
        self.settings, self.source, self.rng = settings, source, rng
        self.columns, self.birth_date = columns, birth_date
        self.size = len(birth_date)
        self.traits: dict[str, Flags] = {}
        # Some clerks are careful, some are not: the mistakes of one record come together.
        self._care = rng.lognormal(-0.32, 0.8, self.size) * source.careless

    def hit(self, rate: float) -> Flags:
        """Records on which a clerk makes this mistake."""
        return self.rng.random(self.size) < rate * self._care

    def draw(self, rate: float) -> Flags:
        """Records to which it happens, whoever types."""
        return self.rng.random(self.size) < rate

    def note(self, name: str, before: Text, after: Text) -> None:
        """Remembers where the column has changed."""
        changed = np.asarray(pc.not_equal(before, after).fill_null(False))
        self.traits[name] = self.traits.get(name, np.zeros(self.size, dtype=bool)) | changed

    def change(
        self, column: str, mask: Flags, function: Callable[[Text], Text], trait: str | None = None
    ) -> None:
        """Changes a column where the mask is true."""
        before = self.columns[column]
        self.columns[column] = on(before, mask, function)
        if trait:
            self.note(trait, before, self.columns[column])

    def names(self, said: dict[str, list[str]], is_company: Flags) -> None:
        """Nicknames, initials, variants, swapped fields, both names in one field, remarks."""
        s, rng, c = self.settings, self.rng, self.columns
        informal = self.draw(s.nickname * self.source.informal)
        self.change("first_name", informal, lambda v: errors.called(v, rng, said), "nickname")
        initial = self.hit(s.first_initial)
        self.change("first_name", initial, lambda v: glue(pc.utf8_slice_codeunits(v, 0, 1), "."), "initial")
        for name in ("first_name", "last_name"):
            self.change(name, self.hit(s.name_variant), lambda v: errors.misheard(v, rng), "name_variant")
        for name in ("first_name", "last_name"):
            rate = getattr(s, f"typo_{name}")
            self.change(name, self.hit(rate), lambda v: errors.mistyped(v, rng), "name_typo")
        calls = if_(rng.random(self.size) < 0.5, "Fam. ", if_(rng.random(self.size) < 0.5, "Herr ", "Frau "))
        called = self.hit(s.salutation_in_name) & ~is_company
        field = "first_name" if self.source.system == "branch" else "last_name"
        c[field] = if_(called, glue(calls, c[field]), c[field])
        remark = one_of(
            rng, [" (verst.)", " GESPERRT", " - doppelt", " (alt)", " !", " NEU", " jun.", " sen."], self.size
        )
        c["last_name"] = if_(self.hit(s.remark_in_name), glue(c["last_name"], remark), c["last_name"])

        first, last = c["first_name"], c["last_name"]
        both = known(first) & known(last)
        swapped = self.hit(s.swapped_names) & both
        c["first_name"], c["last_name"] = if_(swapped, last, first), if_(swapped, first, last)
        self.traits["swapped"] = swapped
        one_field = self.hit(s.one_field_name) & both & ~swapped
        written = if_(rng.random(self.size) < 0.5, glue(first, " ", last), if_(rng.random(self.size) < 0.6,
                      glue(last, ", ", first), glue(last, " ", first)))  # fmt: skip
        c["last_name"] = if_(one_field, written, c["last_name"])
        c["first_name"] = if_(one_field, None, c["first_name"])
        self.traits["one_field"] = one_field

    def contacts(self) -> None:
        """E-mail addresses and phones with slips, tags, missing dots and mixed fields."""
        s, rng, c = self.settings, self.rng, self.columns
        self.change("email", self.hit(s.typo_email), lambda v: errors.mistyped_mailbox(v, rng), "email_typo")
        self.change(
            "email", self.hit(s.email_provider_typo), lambda v: errors.wrong_provider(v, rng), "email_typo"
        )
        gmail = np.asarray(
            pc.match_substring_regex(c["email"], "@(gmail|googlemail)[.]com$").fill_null(False)
        )
        careful = 0.0 if self.source.careless == 0 else 1.0
        tagged = gmail & self.draw(0.03 * careful)
        self.change("email", tagged, lambda v: pc.replace_substring(v, "@", "+shop@"))
        dotted = gmail & ~tagged & self.draw(0.05 * careful)
        self.change("email", dotted, lambda v: pc.replace_substring_regex(v, r"[.]([^@]*@)", r"\1"))
        google = gmail & self.draw(0.04 * careful)
        self.change("email", google, lambda v: pc.replace_substring(v, "@gmail.com", "@googlemail.com"))
        self.change("email", self.draw(0.05 * careful), pc.utf8_capitalize)
        for field in ("phone", "mobile"):
            self.change(field, self.hit(s.typo_phone), lambda v: errors.wrong_digit(v, rng), "phone_typo")
        mixed = self.hit(s.phone_fields_mixed) & known(c["mobile"])
        c["phone"], c["mobile"] = if_(mixed, c["mobile"], c["phone"]), if_(mixed, c["phone"], c["mobile"])

    def addresses(self) -> None:
        """Streets abbreviated and misspelt, house numbers and postal codes wrong."""
        s, rng, c = self.settings, self.rng, self.columns
        careful = 0.0 if self.source.careless == 0 else 1.0
        short = self.draw(0.28 * careful)
        self.change("street", short, lambda v: pc.replace_substring_regex(
            pc.replace_substring(v, "straße", "str."), "Straße$", "Str."))  # fmt: skip
        self.change("street", self.draw(0.05 * careful), lambda v: pc.replace_substring(v, "-", " "))
        self.change("street", self.hit(s.typo_street), lambda v: errors.mistyped(v, rng), "street_typo")
        self.change("city", self.hit(s.typo_city), lambda v: errors.mistyped(v, rng))
        self.change(
            "postal_code", self.hit(s.typo_postal_code), lambda v: errors.wrong_digit(v, rng), "postal_typo"
        )
        eastern = np.asarray(pc.match_substring_regex(c["postal_code"], "^0[0-9]{4}$").fill_null(False))
        self.change(
            "postal_code", eastern & self.draw(s.leading_zero_lost), lambda v: pc.utf8_slice_codeunits(v, 1)
        )
        self.change("postal_code", self.draw(0.01 * careful), lambda v: glue("D-", v))
        wrong = self.hit(s.typo_house_no)
        other = digits(rng.integers(1, 120, self.size))
        c["house_no"] = if_(wrong & known(c["house_no"]), other, c["house_no"])
        c["house_no"] = if_(self.hit(s.missing_house_no), None, c["house_no"])

    def birthdays(self) -> None:
        """Day and month swapped, a digit wrong, only the year known, a placeholder."""
        s, rng, dates = self.settings, self.rng, self.birth_date
        true = dates.copy()
        month = dates.astype("datetime64[M]")
        day = (dates - month).astype(np.int64)
        year = dates.astype("datetime64[Y]")
        turned = self.hit(s.swapped_day_month) & (day < 12) & ~np.isnat(dates)
        other = (year.astype("datetime64[M]") + np.where(turned, day, 0)).astype("datetime64[D]")
        other = other + np.where(turned, (month - year.astype("datetime64[M]")).astype(np.int64), 0)
        dates[:] = np.where(turned, other, dates)
        slip = rng.choice(np.array([-1, 1, -10, 10, -30, 31, -365, 365, -3652, 3653]), self.size)
        dates[:] = np.where(self.hit(s.typo_birth_date), dates + slip, dates)
        self.traits["birth_date_wrong"] = (dates != true) & ~np.isnat(true)
        dates[:] = np.where(self.hit(s.only_birth_year), year.astype("datetime64[D]"), dates)
        made_up = self.hit(s.placeholder_birth_date)
        dates[:] = np.where(made_up, _DATES[rng.integers(0, len(_DATES), self.size)], dates)
        self.traits["birth_date_made_up"] = made_up

    def machines(self) -> None:
        """Umlauts folded or garbled, everything in capitals or small letters."""
        s, c = self.settings, self.columns
        before = dict(c)
        for rate, function in (
            (s.umlaut_digraph, two_letters), (s.umlaut_dropped, one_letter), (s.mojibake, garbled),
            (s.upper_case, pc.utf8_upper), (s.lower_case, pc.utf8_lower),
        ):  # fmt: skip
            mask = self.draw(rate)
            for name in (*WORDS, "company_name"):
                c[name] = on(c[name], mask, function)
        for name in ("first_name", "last_name"):
            self.note("folded", before[name], c[name])

    def placeholders(self) -> None:
        """What a clerk types when a field must not be empty."""
        s, rng, c = self.settings, self.rng, self.columns
        email = self.hit(s.placeholder_email) & (self.source.missing_email > 0)
        c["email"] = if_(email, one_of(rng, _EMAILS, self.size), c["email"])
        phone = self.hit(s.placeholder_phone)
        c["phone"] = if_(phone, one_of(rng, _PHONES, self.size), c["phone"])
        self.traits["made_up"] = email | phone | self.traits["birth_date_made_up"]
