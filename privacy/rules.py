"""Where a person stands in the source tables, and what becomes of such a row.

One list for everything: what erasure removes is what ingestion refuses afterwards and what disclosure shows.
Belongs here: the rules, and the comparable form of what identifies a person. Does not belong here: reading or
writing rows.

A row of a person (`drop`) goes as a whole. A receipt or order stays for tax law (§ 147 AO) and loses its
reference to the person (`blank`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ingestion.contracts import Table, catalogue

KINDS = ("record", "email", "phone", "card", "person", "reference", "visitor")
"""What identifies: a source record, an address, a number, a card, name with address, what sources call
someone, a browser."""

CALLING_CODES = {"DE": "49", "AT": "43", "CH": "41"}


@dataclass(frozen=True)
class Rule:
    """Rows of `source.table` in which one of `columns` (kind → columns) names a person.

    `blank` columns become null and the row stays; without them it goes. `time` is when the row came to be.
    """

    source: str
    table: str
    columns: dict[str, tuple[str, ...]]
    time: str | None = None
    blank: tuple[str, ...] = ()
    why: str = ""

    def expressions(self, country: str) -> list[tuple[str, str]]:
        """(kind, SQL of the comparable value) of every column that identifies."""
        found = []
        for kind, columns in self.columns.items():
            if kind == "person":
                found.append((kind, person_sql(self.contract)))
                continue
            for column in columns:
                text = f'"{column}"::varchar'
                if kind == "record":
                    found.append((kind, f"'{self.source}:' || {_plain(text)}"))
                elif kind == "reference":
                    found += [(kind, _plain(text)), ("email", email_sql(text)),
                              ("phone", phone_sql(text, country)), ("card", card_sql(text))]  # fmt: skip
                else:
                    found.append((kind, value_sql(kind, text, country)))
        return found

    @property
    def contract(self) -> Table:
        return catalogue()[self.source][self.table]


def _party(source: str, table: str, record: str, time: str, **columns: tuple[str, ...]) -> Rule:
    return Rule(source, table, {"record": (record,), "email": ("email",), "person": (), **columns}, time)


PARTIES = (
    _party("shop", "loyalty", "member_no", "issued_at"),
    _party("branch", "customer", "customer_no", "created_at"),
    _party("webshop", "customers", "customer_id", "created_at"),
    _party("leads", "leads", "lead_id", "captured_at"),
)
PARTY_CONTACTS = {
    "shop": (("phone",), ("card_no",)),
    "branch": (("phone", "mobile"), ("loyalty_card_no",)),
    "webshop": (("phone",), ("loyalty_card_no",)),
    "leads": (("phone",), ()),
}
"""Telephone and card columns of each source's parties. They do not make a row somebody's: a family shares."""

_TAX = "receipts stay for tax law (§ 147 AO), without the person"
RULES = (
    *PARTIES,
    Rule("leads", "leads", {"reference": ("referred_by",)}, "captured_at", ("referred_by",),
         "another person's lead stays, without who recommended us"),
    Rule("shop", "transactions", {"card": ("kunde_id",)}, "bon_ende", ("kunde_id", "kunde_name"), _TAX),
    Rule("branch", "sales_order", {"record": ("customer_no",)}, None, ("customer_no",), _TAX),
    Rule("webshop", "orders", {"record": ("customer_id",)}, None, ("customer_id",), _TAX),
    Rule("branch", "visit", {"record": ("customer_no",)}),
    Rule("touchpoints", "mail_events", {"email": ("email",)}, "ts"),
    Rule("touchpoints", "tickets",
         {"email": ("email",), "phone": ("phone",), "reference": ("customer_ref",)}, "opened_at"),
    Rule("touchpoints", "surveys", {"email": ("email",), "reference": ("customer_ref",)}, "answered_at"),
    Rule("touchpoints", "web_events", {"email": ("email",), "visitor": ("visitor_id",)}, "ts"),
)  # fmt: skip


def rules_of(table: Table) -> list[Rule]:
    """The rules for a contract's table; none for one that knows no customers."""
    return [rule for rule in RULES if (rule.source, rule.table) == (table.source, table.name)]


# -- comparable values ---------------------------------------------------------------------------------------


def value_sql(kind: str, text: str, country: str) -> str:
    """SQL of the comparable form of a value; null for what identifies nobody."""
    match kind:
        case "email":
            return email_sql(text)
        case "phone":
            return phone_sql(text, country)
        case "card":
            return card_sql(text)
        case _:
            return _plain(text)


def _plain(text: str) -> str:
    return f"nullif(trim({text}), '')"


def email_sql(text: str) -> str:
    """An address in lower case, without brackets and `mailto:`."""
    address = f"regexp_replace(lower(trim({text})), '^mailto:|[<>\\s]', '', 'g')"
    return f"case when contains({text}, '@') then {address} end"


def phone_sql(text: str, country: str) -> str:
    """A number with its country code and nothing but digits; null below seven digits."""
    code = CALLING_CODES.get(country, "49")
    digits = f"regexp_replace(regexp_replace({text}, '[(] *0 *[)]', '', 'g'), '[^0-9+]', '', 'g')"
    whole = f"regexp_replace(regexp_replace({digits}, '^([+]|00)', 'i'), '^0', '{code}')"
    number = f"regexp_replace({whole}, '[^0-9]', '', 'g')"
    return f"case when length({number}) between 7 and 16 and not contains({text}, '@') then {number} end"


def card_sql(text: str) -> str:
    """A card number in capitals without blanks and dashes, as the models compare it."""
    return f"nullif(regexp_replace(upper({text}), '[^0-9A-Z]', '', 'g'), '')"


def person_sql(table: Table) -> str:
    """Name with address of a party; null where one of them is missing."""
    names = [f'"{n}"' for n in ("name", "first_name", "last_name") if n in table.field_names]
    street = [f'"{n}"' for n in ("street", "house_no") if n in table.field_names]
    name = f"regexp_replace(lower(concat({', '.join(names)})), '[^\\pL]', '', 'g')"
    written = f"regexp_replace(lower(concat({', '.join(street)})), 'stra(ß|ss)e', 'str', 'g')"
    place = f"regexp_replace({written}, '[^\\pL0-9]', '', 'g')"
    whole = f'length({name}) > 3 and length({place}) > 2 and length(trim("postal_code"::varchar)) > 2'
    return f"case when {whole} then {name} || '|' || {place} || '|' || trim(\"postal_code\"::varchar) end"


@dataclass
class Identifiers:
    """Comparable values by kind."""

    values: dict[str, set[str]] = field(default_factory=dict)

    def of(self, kind: str) -> set[str]:
        return self.values.get(kind, set())

    def add(self, kind: str, value: str) -> None:
        self.values.setdefault(kind, set()).add(value)

    def pairs(self) -> list[tuple[str, str]]:
        return sorted((kind, value) for kind, values in self.values.items() for value in values)
