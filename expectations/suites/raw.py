"""Suites of the raw border: is what the sources delivered plausible?

What a single row must be (types, required values, codes) is the contract's business and ends in quarantine.
Here is what only a look at the table tells: keys, completeness, shapes, ranges. Values are checked in the
newest load of a table; keys in everything that is current.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from expectations.suites import rules

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite

Suite = Callable[[date], "ExpectationSuite"]

# Codes of DSFinV-K 2.x (Digitale Schnittstelle der Finanzverwaltung für Kassensysteme), appendices B and C.
RECEIPT_TYPES = (
    "Beleg", "AVTransfer", "AVBestellung", "AVTraining", "AVBelegstorno", "AVBelegabbruch", "AVSachbezug",
    "AVSonstige", "AVRechnung",
)  # fmt: skip
LINE_TYPES = (
    "Umsatz", "Pfand", "PfandRueckzahlung", "MehrzweckgutscheinKauf", "MehrzweckgutscheinEinloesung",
    "EinzweckgutscheinKauf", "EinzweckgutscheinEinloesung", "Forderungsentstehung", "Forderungsaufloesung",
    "Anzahlungseinstellung", "Anzahlungsaufloesung", "Anfangsbestand", "Privatentnahme", "Privateinlage",
    "Geldtransit", "Lohnzahlung", "Einzahlung", "Auszahlung", "Rabatt", "Aufschlag", "ZuschussEcht",
    "ZuschussUnecht", "TrinkgeldAG", "TrinkgeldAN", "DifferenzSollIst",
)  # fmt: skip


@dataclass(frozen=True)
class TableCheck:
    """A raw table, the columns its suite sees (name → SQL expression) and the suite."""

    source: str
    table: str
    columns: Mapping[str, str]
    suite: Suite


def keys() -> ExpectationSuite:
    """Expectations on the aggregates of `expectations.profile.profile_raw`."""
    return rules.suite(
        "keys",
        rules.none_of(
            "rows_loaded",
            failed="empty_tables",
            checked="tables",
            severity="warn",
            dimension="completeness",
        ),
        rules.none_of("key_filled", failed="rows_without_key", checked="row_count", dimension="completeness"),
        rules.none_of("key_unique", failed="duplicate_rows", checked="row_count", dimension="uniqueness"),
    )


def person(email: float, phone: float, birth_date: float) -> Suite:
    """Suite of records of people; the arguments are the shares that should be filled."""

    def build(as_of: date) -> ExpectationSuite:
        return rules.suite(
            "person",
            rules.filled("name", 0.95),
            rules.filled("email", email),
            rules.filled("phone", phone),
            rules.filled("birth_date", birth_date),
            rules.shaped("email", rules.EMAIL, 0.98),
            rules.shaped("postal_code", rules.POSTAL_CODE, 0.95),
            rules.dated("birth_date", rules.EARLIEST_BIRTH, as_of, mostly=0.99),
            rules.dated("updated_at", rules.EARLIEST_BUSINESS, as_of),
        )

    return build


def order(customer: float) -> Suite:
    """Suite of order heads; `customer` is the share that should name one."""

    def build(as_of: date) -> ExpectationSuite:
        return rules.suite(
            "order",
            rules.filled("customer", customer),
            rules.dated("ordered_at", rules.EARLIEST_BUSINESS, as_of),
        )

    return build


def order_line(_as_of: date) -> ExpectationSuite:
    """Suite of order lines: amounts of a retailer's size, net amount and quantity with the same sign."""
    return rules.suite(
        "order_line",
        rules.filled("product_no", 0.95),
        rules.between("quantity", -100_000, 100_000),
        rules.between("net_amount", -1_000_000, 1_000_000),
        rules.holds("same_sign", "amount_follows_quantity", mostly=0.99),
    )


def receipt(as_of: date) -> ExpectationSuite:
    """Suite of DSFinV-K receipt heads."""
    return rules.suite(
        "receipt",
        rules.one_of("bon_typ", RECEIPT_TYPES, "warn"),
        rules.between("ums_brutto", -1_000_000, 1_000_000),
        rules.dated("bon_ende", rules.EARLIEST_BUSINESS, as_of),
    )


def receipt_line(_as_of: date) -> ExpectationSuite:
    """Suite of DSFinV-K receipt lines."""
    return rules.suite(
        "receipt_line",
        rules.one_of("gv_typ", LINE_TYPES, "warn"),
        rules.between("menge", -100_000, 100_000),
        rules.between("stk_br", 0, 1_000_000),
    )


def lead(as_of: date) -> ExpectationSuite:
    """Suite of leads: each can be reached somehow."""
    return rules.suite(
        "lead",
        rules.filled("contact", 0.9),
        rules.shaped("email", rules.EMAIL, 0.95),
        rules.dated("captured_at", rules.EARLIEST_BUSINESS, as_of),
    )


def event(instant: str) -> Suite:
    """Suite of touchpoints with an e-mail address and one instant."""

    def build(as_of: date) -> ExpectationSuite:
        return rules.suite(
            "event",
            rules.shaped("email", rules.EMAIL, 0.95),
            rules.dated(instant, rules.EARLIEST_BUSINESS, as_of),
        )

    return build


def ticket(as_of: date) -> ExpectationSuite:
    """Suite of service tickets."""
    return rules.suite(
        "ticket",
        rules.filled("contact", 0.9),
        rules.dated("opened_at", rules.EARLIEST_BUSINESS, as_of),
        rules.holds("closed_after_opened", "closed_after_opened"),
    )


def survey(as_of: date) -> ExpectationSuite:
    """Suite of survey answers; both questions end at ten at most."""
    return rules.suite(
        "survey",
        rules.filled("contact", 0.9),
        rules.between("score", 0, 10),
        rules.dated("answered_at", rules.EARLIEST_BUSINESS, as_of),
    )


_ADDRESS = {
    "email": "email",
    "postal_code": "postal_code",
    "birth_date": "birth_date",
    "updated_at": "updated_at",
}
_LINE = {
    "product_no": "product_no",
    "quantity": "quantity::double",
    "net_amount": "net_amount::double",
    "same_sign": "quantity * net_amount >= 0",
}

TABLE_CHECKS = (
    TableCheck(
        "shop", "loyalty",
        {**_ADDRESS, "name": "coalesce(last_name, first_name, name)", "phone": "phone"},
        person(email=0.3, phone=0.2, birth_date=0.3),
    ),
    TableCheck(
        "shop", "transactions",
        {"bon_typ": "bon_typ", "ums_brutto": "ums_brutto::double", "bon_ende": "bon_ende"},
        receipt,
    ),
    TableCheck(
        "shop", "lines",
        {"gv_typ": "gv_typ", "menge": "menge::double", "stk_br": "stk_br::double"},
        receipt_line,
    ),
    TableCheck(
        "branch", "customer",
        {
            **_ADDRESS,
            "name": "coalesce(last_name, first_name, name, company_name)",
            "phone": "coalesce(phone, mobile)",
        },
        person(email=0.2, phone=0.2, birth_date=0.1),
    ),
    TableCheck(
        "branch", "sales_order", {"customer": "customer_no", "ordered_at": "ordered_at"}, order(customer=0.5)
    ),
    TableCheck("branch", "sales_order_line", _LINE, order_line),
    TableCheck(
        "webshop", "customers",
        {**_ADDRESS, "name": "coalesce(last_name, first_name, name, company)", "phone": "phone"},
        person(email=0.95, phone=0.1, birth_date=0.05),
    ),
    TableCheck(
        "webshop", "orders", {"customer": "customer_id", "ordered_at": "ordered_at"}, order(customer=0.5)
    ),
    TableCheck("webshop", "order_lines", _LINE, order_line),
    TableCheck(
        "leads", "leads",
        {"email": "email", "contact": "coalesce(email, phone, street)", "captured_at": "captured_at"},
        lead,
    ),
    TableCheck("touchpoints", "mail_events", {"email": "email", "ts": "ts"}, event("ts")),
    TableCheck("touchpoints", "web_events", {"email": "email", "ts": "ts"}, event("ts")),
    TableCheck(
        "touchpoints", "tickets",
        {
            "contact": "coalesce(email, phone, customer_ref)",
            "opened_at": "opened_at",
            "closed_after_opened": "closed_at >= opened_at",
        },
        ticket,
    ),
    TableCheck(
        "touchpoints", "surveys",
        {"contact": "coalesce(email, customer_ref)", "score": "score", "answered_at": "answered_at"},
        survey,
    ),
)  # fmt: skip
"""The raw tables worth a look, in the order of the design."""
