"""A tiny retailer for tests: a handful of people, each of them there for one rule."""

from __future__ import annotations

from datetime import datetime
from typing import Any


def day(text: str) -> datetime:
    """Noon of an ISO day, or an ISO instant."""
    return datetime.fromisoformat(text if "T" in text else f"{text}T12:00:00")


CLOSING = {"z_kasse_id": "K1", "z_erstellung": day("2025-06-01T20:00:00"), "z_nr": 7}


def receipt(
    bon_id: str,
    lines: list[tuple[str, float, float]],
    *,
    at: str = "2025-06-01",
    card: str | None = None,
    storno: bool = False,
    bon_typ: str = "Beleg",
    line_storno: frozenset[int] = frozenset(),
    product: str | None = "P1",
    closing: dict[str, Any] = CLOSING,
) -> dict[str, list[dict[str, Any]]]:
    """Raw rows of one receipt; a line is (gv_typ, quantity, gross amount at 19 % VAT)."""
    key = {**closing, "bon_id": bon_id}
    heads = [
        {
            **key, "bon_typ": bon_typ, "bon_storno": storno, "bon_ende": day(at), "kunde_id": card,
            "ums_brutto": sum(gross for _, _, gross in lines),
        }
    ]  # fmt: skip
    rows, vat = [], []
    for number, (gv_typ, quantity, gross) in enumerate(lines, start=1):
        line = {**key, "pos_zeile": str(number)}
        rows.append(
            {
                **line, "gv_typ": gv_typ, "menge": quantity, "p_storno": number in line_storno,
                "art_nr": product if gv_typ == "Umsatz" else None, "warengr": "Kaffee",
            }
        )  # fmt: skip
        net = round(gross / 1.19, 4)
        vat.append(
            {
                **line,
                "ust_schluessel": 1,
                "pos_brutto": gross,
                "pos_netto": net,
                "pos_ust": round(gross - net, 4),
            }
        )
    return {"shop__transactions": heads, "shop__lines": rows, "shop__lines_vat": vat}


def order(
    channel: str,
    number: str,
    customer: str | None,
    at: str,
    lines: list[tuple[str, float, float]],
    *,
    status: str = "completed",
    unit_cost: float | None = None,
    currency: str | None = None,
) -> dict[str, list[dict[str, Any]]]:
    """Raw rows of an order of the branch or the webshop; a line is (product_no, quantity, net amount)."""
    rows = [
        {"line_no": n, "product_no": p, "quantity": q, "net_amount": a, "tax_amount": round(a * 0.19, 4)}
        | ({"unit_cost": unit_cost} if unit_cost is not None else {})
        for n, (p, q, a) in enumerate(lines, start=1)
    ]
    head = {"ordered_at": day(at), "status": status, "updated_at": day(at)}
    if channel == "branch":
        return {
            "branch__sales_order": [{"order_no": number, "customer_no": customer, **head}],
            "branch__sales_order_line": [{"order_no": number, **row} for row in rows],
        }
    return {
        "webshop__orders": [{"order_id": number, "customer_id": customer, "currency": currency, **head}],
        "webshop__order_lines": [{"order_id": number, **row} for row in rows],
    }


def member(number: str, card: str, email: str | None = None, **values: Any) -> dict[str, Any]:
    """A loyalty member's raw row."""
    return {
        "member_no": number, "card_no": card, "email": email, "issued_at": day("2020-01-01"),
        "updated_at": day("2024-01-01"), "first_name": "Anna", "last_name": f"Muster{number}", **values,
    }  # fmt: skip
