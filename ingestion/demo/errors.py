"""The errors of real clerks and customers, applied to source records column by column."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.demo import reference, text
from ingestion.demo.rates import ErrorRates
from ingestion.demo.text import Text, change, where
from ingestion.demo.world import Flags

if TYPE_CHECKING:
    from ingestion.demo.records import Records

SHOP_EMAIL = "info@gartenwelt-demo.de"
PLACEHOLDER_EMAILS = (SHOP_EMAIL, "keine@mail.de", "kein@email.de", "noemail@noemail.de", "a@a.de")
PLACEHOLDER_PHONES = ("0000", "00000000", "0123456789", "000/000000", "-")
_WORDS = ("first_name", "last_name", "street", "city")


def corrupt(rng: np.random.Generator, rates: ErrorRates, records: Records, *, keeps_email: bool) -> None:
    """Applies every kind of error at its rate, in the order in which they happen: person, typist, machine."""
    columns, n = records.columns, records.size

    def hit(rate: float) -> Flags:
        return rng.random(n) < rate

    columns["first_name"] = _nicknames(rng, columns["first_name"], hit(rates.nickname))
    swapped = hit(rates.swapped_names)
    first, last = columns["first_name"], columns["last_name"]
    columns["first_name"], columns["last_name"] = where(swapped, last, first), where(swapped, first, last)

    for name, rate in (
        ("first_name", rates.typo_first_name),
        ("last_name", rates.typo_last_name),
        ("street", rates.typo_street),
    ):
        columns[name] = change(columns[name], hit(rate), lambda values: text.typos(values, rng))
    for name in ("landline", "mobile"):
        columns[name] = change(columns[name], hit(rates.typo_phone), lambda values: text.typos(values, rng))
    columns["email"] = change(
        columns["email"], hit(rates.typo_email), lambda values: _mail_typos(values, rng)
    )
    columns["email"] = change(columns["email"], hit(rates.gmail_dots), _without_dots)
    columns["street"] = change(columns["street"], hit(rates.street_abbreviated), _abbreviated)
    _birth_dates(rng, rates, records)

    for rate, function in (
        (rates.umlaut_digraph, text.digraphs),
        (rates.umlaut_dropped, text.dropped),
        (rates.mojibake, text.mojibake),
        (rates.upper_case, pc.utf8_upper),
        (rates.lower_case, pc.utf8_lower),
    ):
        _everywhere(columns, hit(rate), function)

    if not keeps_email:
        mask = hit(rates.placeholder_email)
        columns["email"] = _placeholders(rng, columns["email"], mask, PLACEHOLDER_EMAILS)
    columns["landline"] = _placeholders(
        rng, columns["landline"], hit(rates.placeholder_phone), PLACEHOLDER_PHONES
    )


def _everywhere(columns: dict[str, Text], mask: Flags, function: Callable[[Any], Any]) -> None:
    for name in _WORDS:
        columns[name] = change(columns[name], mask, function)


def _placeholders(rng: np.random.Generator, values: Text, mask: Flags, options: tuple[str, ...]) -> Text:
    weights = np.array([5.0, *([1.0] * (len(options) - 1))])
    made_up = text.take(pa.array(options), rng.choice(len(options), len(values), p=weights / weights.sum()))
    return where(mask, made_up, values)


def _nicknames(rng: np.random.Generator, names: Text, mask: Flags) -> Text:
    formal = reference.texts("nicknames", "name").to_pylist()
    short = reference.texts("nicknames", "nickname")
    starts: dict[str, int] = {}
    counts: dict[str, int] = {}
    for row, name in enumerate(formal):
        starts.setdefault(name, row)
        counts[name] = counts.get(name, 0) + 1
    keys = pa.array(list(starts))
    at = pc.index_in(names, keys).fill_null(-1).to_numpy(zero_copy_only=False)
    first = np.array([starts[k] for k in starts])[at]
    size = np.array([counts[k] for k in starts])[at]
    chosen = first + (rng.random(len(names)) * size).astype(np.int64)
    return where(mask & (at >= 0), short.take(pa.array(chosen)), names)


def _mail_typos(values: Text, rng: np.random.Generator) -> Text:
    at = pc.split_pattern(values, "@")
    return text.join(text.typos(pc.list_element(at, 0), rng), "@", pc.list_element(at, 1))


def _without_dots(values: Text) -> Text:
    """Google ignores dots before the @, so people leave them out."""
    at = pc.split_pattern(values, "@")
    host = pc.list_element(at, 1)
    plain = text.join(pc.replace_substring(pc.list_element(at, 0), ".", ""), "@", host)
    return pc.if_else(pc.is_in(host, pa.array(["gmail.com", "googlemail.com"])), plain, values)


def _abbreviated(values: Text) -> Text:
    return pc.replace_substring(pc.replace_substring(values, "straße", "str."), "Straße", "Str.")


def _birth_dates(rng: np.random.Generator, rates: ErrorRates, records: Records) -> None:
    dates, n = records.birth_date, records.size
    month = dates.astype("datetime64[M]")
    day = (dates - month.astype("datetime64[D]")).astype(int)  # 0-based
    of_year = month.astype(int) % 12
    swapped = (rng.random(n) < rates.swapped_day_month) & (day < 12) & ~np.isnat(dates)
    turned = (dates.astype("datetime64[Y]").astype("datetime64[M]") + np.where(swapped, day, 0)).astype(
        "datetime64[D]"
    ) + np.where(swapped, of_year, 0)
    dates[:] = np.where(swapped, turned, dates)
    wrong = rng.random(n) < rates.typo_birth_date
    shift = rng.choice(np.array([-1, 1, -10, 10, 365, -365, 3653]), n)
    dates[:] = np.where(wrong, dates + shift, dates)
    placeholder = (rng.random(n) < rates.placeholder_birth_date) & ~np.isnat(dates)
    dates[:] = np.where(placeholder, np.datetime64("1900-01-01"), dates)
