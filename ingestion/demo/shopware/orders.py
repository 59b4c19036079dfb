"""The order as Shopware's JSON: customer, lines, amounts, state, payment and delivery."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from ingestion.demo.shopware.criteria import Criteria
from ingestion.demo.shopware.store import Store
from ingestion.demo.shopware.values import (
    CURRENCY_EUR,
    LANGUAGE,
    ROUNDING,
    SALES_CHANNEL,
    Json,
    identifier,
    instant,
    purchase_price,
)

_LINES = (
    "SELECT * FROM order_line WHERE order_number_auto BETWEEN $1 AND $2 ORDER BY order_number_auto, line_no"
)
_LIVE_VERSION = "0fa91ce3e96a4bc2be4bd9ce752c3425"


def build_orders(store: Store, rows: list[Json], criteria: Criteria) -> list[Json]:
    """The orders with those associations that the criteria ask for."""
    if not rows:
        return []
    wanted = {row["auto_increment"] for row in rows}
    lines: dict[str, list[Json]] = {}
    for line in store.rows(_LINES, [min(wanted), max(wanted)]):
        if line["order_number_auto"] in wanted:
            lines.setdefault(line["order_id"], []).append(line)
    return [_order(row, lines.get(row["id"], []), criteria.associations) for row in rows]


def _order(row: Json, lines: list[Json], associations: Json) -> Json:
    items = [_line(line) for line in lines]
    net = sum((Decimal(line["net_amount"]) for line in lines), Decimal(0))
    gross = sum((_gross(line) for line in lines), Decimal(0))
    found: Json = {
        "id": row["id"],
        "versionId": _LIVE_VERSION,
        "autoIncrement": row["auto_increment"],
        "orderNumber": row["order_number"] or str(10_000 + row["auto_increment"]),
        "billingAddressId": identifier("order-address", row["id"]),
        "currencyId": CURRENCY_EUR if row["currency"] == "EUR" else identifier("currency", row["currency"]),
        "currencyFactor": 1.0,
        "languageId": LANGUAGE,
        "salesChannelId": SALES_CHANNEL,
        "stateId": identifier("state", row["status"]),
        "orderDateTime": instant(row["created_at"]),
        "orderDate": row["created_at"].date().isoformat(),
        "amountTotal": float(gross),
        "amountNet": float(net),
        "taxStatus": "gross",
        "price": {
            "netPrice": float(net),
            "totalPrice": float(gross),
            "positionPrice": float(gross),
            "rawTotal": float(gross),
            "taxStatus": "gross",
        },
        "shippingTotal": 0.0,
        "itemRounding": ROUNDING,
        "totalRounding": ROUNDING,
        "createdAt": instant(row["created_at"]),
        "updatedAt": instant(row["updated_at"]),
        "apiAlias": "order",
    }
    if "orderCustomer" in associations:
        found["orderCustomer"] = _order_customer(row)
    if "lineItems" in associations:
        found["lineItems"] = items
    if "currency" in associations:
        found["currency"] = {
            "id": found["currencyId"],
            "factor": 1.0,
            "symbol": "€" if row["currency"] == "EUR" else row["currency"],
            "isoCode": row["currency"],
            "shortName": row["currency"],
            "name": row["currency"],
            "itemRounding": ROUNDING,
            "totalRounding": ROUNDING,
            "apiAlias": "currency",
        }
    if "stateMachineState" in associations:
        found["stateMachineState"] = {
            "id": found["stateId"],
            "technicalName": row["status"],
            "stateMachineId": identifier("state-machine", "order"),
            "name": row["status"] or "",
            "apiAlias": "state_machine_state",
        }
    if "transactions" in associations:
        found["transactions"] = [_transaction(row, float(gross))]
    if "deliveries" in associations:
        found["deliveries"] = []
    return found


def _order_customer(row: Json) -> Json:
    return {
        "id": identifier("order-customer", row["id"]),
        "orderId": row["id"],
        "customerId": row["customer_id"],
        "email": row["email"] or "",
        "firstName": row["first_name"] or "",
        "lastName": row["last_name"] or "",
        "company": row["company"],
        "apiAlias": "order_customer",
    }


def _transaction(row: Json, amount: float) -> Json:
    return {
        "id": identifier("transaction", row["id"]),
        "orderId": row["id"],
        "paymentMethodId": identifier("payment-method"),
        "amount": {"unitPrice": amount, "totalPrice": amount, "quantity": 1},
        "stateId": identifier("state", "paid"),
        "apiAlias": "order_transaction",
    }


def _gross(line: Json) -> Decimal:
    return Decimal(line["net_amount"]) + Decimal(line["tax_amount"] or 0)


def _line(line: Json) -> Json:
    gross, net = _gross(line), Decimal(line["net_amount"])
    quantity = Decimal(line["quantity"])
    kind = "product" if line["product_no"] else "promotion" if net < 0 else "custom"
    count: float | int = int(quantity) if quantity == int(quantity) else float(quantity)
    return {
        "id": line["id"],
        "orderId": line["order_id"],
        "identifier": line["id"],
        "productId": identifier("product", line["product_no"]) if line["product_no"] else None,
        "parentId": None,
        "type": kind,
        "good": kind == "product",
        "quantity": count,
        "label": line["product_name"] or line["product_no"] or "",
        "position": line["line_no"],
        "unitPrice": _number(gross / quantity if quantity else gross),
        "totalPrice": float(gross),
        "price": _calculated_price(line, gross, count),
        "payload": {
            "productNumber": line["product_no"],
            "categoryIds": [identifier("category", line["category"])] if line["category"] else [],
            "purchasePrices": purchase_price(line["unit_cost"]),
        },
        "states": [],
        "children": [],
        "apiAlias": "order_line_item",
    }


def _calculated_price(line: Json, gross: Decimal, count: float) -> Json:
    net, tax = Decimal(line["net_amount"]), Decimal(line["tax_amount"] or 0)
    quantity = Decimal(line["quantity"])
    unit = gross / quantity if quantity else gross
    found: dict[str, Any] = {
        "unitPrice": _number(unit),
        "quantity": count,
        "totalPrice": float(gross),
        "calculatedTaxes": [
            {
                "tax": float(tax),
                "taxRate": float(round(tax / net * 100)) if net else 0.0,
                "price": float(gross),
                "apiAlias": "cart_tax_calculated",
            }
        ],
        "taxRules": [],
        "referencePrice": None,
        "listPrice": None,
        "apiAlias": "calculated_price",
    }
    if line["discount_amount"] and quantity and net:
        off = Decimal(line["discount_amount"]) * abs(gross / net / quantity)
        found["listPrice"] = {
            "price": _number(abs(unit) + off),
            "discount": -_number(off),
            "percentage": _number(off / (abs(unit) + off) * 100),
            "apiAlias": "cart_list_price",
        }
    return found


def _number(value: Decimal) -> float:
    return float(round(value, 6))
