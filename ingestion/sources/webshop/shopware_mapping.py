"""Shopware's JSON as rows of the webshop contract. All values are text or null; landing types them.

Lines of an order:
- A product, or anything else that is sold, is a line with its quantity. `net_amount` is what was paid for
  it without tax: `totalPrice` minus the calculated taxes in a gross order, `totalPrice` in a net or tax-free
  one. The reduction against the list price is `discount_amount` (net). A negative price of a product is a
  return, so its quantity becomes negative.
- A promotion, discount or credit moves no goods: quantity 0, `net_amount` negative; for promotions and
  discounts `discount_amount` says the same as a positive number.
- A line inside another one (a part of a bundle) is contained in its parent's price and is left out.
- Shipping is no line.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from ingestion.extract import RejectedRow

Json = dict[str, Any]
Row = dict[str, str | None]

_CENT = Decimal("0.01")
_REDUCTIONS = ("promotion", "discount")


def text(value: Any) -> str | None:
    """A JSON value as text; what has no text form stays JSON, so that landing can reject it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    return json.dumps(value, ensure_ascii=False, default=str)


def part(value: Any, name: str) -> Json:
    """The object under that name; empty when it is null, or an empty list as PHP writes an empty object."""
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def items(value: Any) -> list[Any]:
    """The elements of a list, or of an object whose keys are ids."""
    return value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []


def label(value: Json) -> str | None:
    """The name of an entity in the language of the request."""
    return text(part(value, "translated").get("name") or value.get("name"))


def customer(found: Json, newsletter: bool | None) -> Row:
    """A row of `customers`."""
    address = part(found, "defaultBillingAddress")
    country = part(address, "country")
    greeting = part(found, "salutation")
    is_neutral = greeting.get("salutationKey") in (None, "not_specified", "undefined")
    vat_ids = items(found.get("vatIds"))
    changes = [v for v in (found.get("updatedAt"), address.get("updatedAt")) if isinstance(v, str)]
    birthday = text(found.get("birthday"))
    return {
        "customer_id": text(found.get("id")),
        "email": text(found.get("email")),
        "salutation": None if is_neutral else text(greeting.get("displayName")),
        "title": text(found.get("title")),
        "first_name": text(found.get("firstName")),
        "last_name": text(found.get("lastName")),
        "company": text(found.get("company") or address.get("company")),
        "vat_id": text(vat_ids[0] if vat_ids else address.get("vatId")),
        "street": text(address.get("street")),
        "postal_code": text(address.get("zipcode")),
        "city": text(address.get("city")),
        "country": text(country.get("iso") or country.get("name")),
        "phone": text(address.get("phoneNumber")),
        "birth_date": birthday.partition("T")[0] if birthday else None,
        "loyalty_card_no": text(part(found, "customFields").get("loyalty_card_no")),
        "is_guest": text(found.get("guest")),
        "newsletter": text(newsletter),
        "created_at": text(found.get("createdAt")),
        "updated_at": max(changes, default=text(found.get("createdAt"))),
    }


def product(found: Json) -> Row:
    """A row of `products`; the category is the deepest one, its list price is net of nothing: as shown."""
    categories = [c for c in items(found.get("categories")) if isinstance(c, dict)]
    deepest = min(categories, key=lambda c: (-int(c.get("level") or 0), str(label(c))), default={})
    shown = items(found.get("price"))
    cost = items(found.get("purchasePrices"))
    return {
        "product_no": text(found.get("productNumber")),
        "name": label(found),
        "category": label(deepest),
        "list_price": text(shown[0].get("gross")) if shown and isinstance(shown[0], dict) else None,
        "unit_cost": text(cost[0].get("net")) if cost and isinstance(cost[0], dict) else None,
        "updated_at": text(found.get("updatedAt") or found.get("createdAt")),
    }


def order(found: Json) -> Row:
    """A row of `orders`; cancelled orders are kept with their status."""
    return {
        "order_id": text(found.get("id")),
        "order_number": text(found.get("orderNumber")),
        "customer_id": text(part(found, "orderCustomer").get("customerId")),
        "ordered_at": text(found.get("orderDateTime")),
        "status": text(part(found, "stateMachineState").get("technicalName")),
        "currency": text(part(found, "currency").get("isoCode")),
        "updated_at": text(found.get("updatedAt") or found.get("createdAt")),
    }


def top_lines(found: Json) -> list[Json]:
    """The order's lines in their order, without those that are inside another line."""
    lines = [line for line in items(found.get("lineItems")) if isinstance(line, dict)]
    return sorted((x for x in lines if not x.get("parentId")), key=lambda x: (_position(x), str(x.get("id"))))


def order_lines(found: Json, categories: dict[str, str | None]) -> list[Row]:
    """Rows of `order_lines`. `categories` maps product number to category."""
    lines = top_lines(found)
    positions = [line.get("position") for line in lines]
    has_positions = len(set(positions)) == len(lines) and all(isinstance(p, int) for p in positions)
    tax_status = found.get("taxStatus") or part(found, "price").get("taxStatus") or "gross"
    return [
        _line(
            line, text(found.get("id")), line["position"] if has_positions else number, tax_status, categories
        )
        for number, line in enumerate(lines, 1)
    ]


def _position(line: Json) -> int:
    position = line.get("position")
    return position if isinstance(position, int) else 0


def _line(
    line: Json, order_id: str | None, line_no: int, tax_status: str, categories: dict[str, str | None]
) -> Row:
    price = part(line, "price")
    payload = part(line, "payload")
    product_no = text(payload.get("productNumber"))
    stated = price.get("totalPrice", line.get("totalPrice"))
    total = _decimal(stated)
    quantity = _decimal(line.get("quantity"))
    net, tax = _net_and_tax(total, price, tax_status)
    kind = line.get("type")
    is_reduction = kind in (*_REDUCTIONS, "credit")
    discount = _discount(price, quantity, net, total)
    if is_reduction:
        quantity = Decimal(0)
        discount = -net if kind in _REDUCTIONS and net is not None and net < 0 else None
    elif net is not None and net < 0 and quantity is not None and quantity > 0:
        quantity = -quantity
    return {
        "order_id": order_id,
        "line_no": str(line_no),
        "product_no": None if is_reduction else product_no,
        "product_name": text(line.get("label")),
        "category": None if is_reduction or product_no is None else categories.get(product_no),
        "quantity": text(line.get("quantity") if quantity is None else quantity),
        "net_amount": text(stated if net is None else net),
        "tax_amount": text(tax),
        "discount_amount": text(discount),
        "unit_cost": _unit_cost(payload.get("purchasePrices")),
    }


def _net_and_tax(
    total: Decimal | None, price: Json, tax_status: str
) -> tuple[Decimal | None, Decimal | None]:
    if total is None:
        return None, None
    if tax_status == "tax-free":
        return total, Decimal(0)
    taxes = [_decimal(t.get("tax")) for t in items(price.get("calculatedTaxes")) if isinstance(t, dict)]
    tax = sum((t for t in taxes if t is not None), Decimal(0))
    return (total - tax if tax_status == "gross" else total), tax


def _discount(
    price: Json, quantity: Decimal | None, net: Decimal | None, total: Decimal | None
) -> Decimal | None:
    """Net reduction against the list price, for the whole line; 0 without a list price."""
    if quantity is None or total is None or net is None:
        return None
    off = _decimal(part(price, "listPrice").get("discount"))
    if off is None or not total:
        return Decimal(0)
    return (abs(off * quantity) * net / total).quantize(_CENT)


def _unit_cost(value: Any) -> str | None:
    """Net purchase price; the payload holds it as an object, a list of them, or as JSON text of either."""
    if isinstance(value, str):
        try:
            value = json.loads(value, parse_float=Decimal)
        except ValueError:
            return value
    if isinstance(value, dict) and "net" in value:
        return text(value["net"])
    found = items(value)
    return text(found[0].get("net")) if found and isinstance(found[0], dict) else None


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, Decimal):
        return value
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else None


def rejected(table: str, file: str, line: int, field: str, value: Any, reason: str, row: Any) -> RejectedRow:
    """A row that the reader itself turns down."""
    return RejectedRow(table, file, line, field, text(value), reason, text(row) or "")
