"""Shopware's entities: their fields in the store and their JSON.

Belongs here: the shape of customer, product and newsletter recipient; the order is in `orders.py`. Does not
belong here: HTTP (`app.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from ingestion.demo.shopware.criteria import Criteria, SqlField
from ingestion.demo.shopware.orders import build_orders
from ingestion.demo.shopware.store import Store
from ingestion.demo.shopware.values import LANGUAGE, SALES_CHANNEL, Json, identifier, instant, price

_SALUTATIONS = {"mr": "Herr", "mrs": "Frau", "not_specified": "Keine Angabe"}
_SALUTATION_KEYS = {name: key for key, name in _SALUTATIONS.items()}


@dataclass(frozen=True)
class Entity:
    """One searchable entity."""

    alias: str
    table: str
    fields: dict[str, SqlField]
    associations: frozenset[str]
    build: Callable[[Store, list[Json], Criteria], list[Json]]


def _versions(**more: SqlField) -> dict[str, SqlField]:
    return {
        "id": SqlField("id"),
        "createdAt": SqlField("created_at", "instant"),
        "updatedAt": SqlField("updated_at", "instant"),
        **more,
    }


def _customers(store: Store, rows: list[Json], criteria: Criteria) -> list[Json]:  # noqa: ARG001
    return [_customer(row, criteria.associations) for row in rows]


def _customer(row: Json, associations: Json) -> Json:
    address = identifier("address", row["id"])
    salutation = row["salutation"]
    found: Json = {
        "id": row["id"],
        "autoIncrement": row["auto_increment"],
        "customerNumber": str(10_000 + row["auto_increment"]),
        "groupId": identifier("group"),
        "salesChannelId": SALES_CHANNEL,
        "languageId": LANGUAGE,
        "defaultBillingAddressId": address,
        "defaultShippingAddressId": address,
        "salutationId": identifier("salutation", salutation) if salutation else None,
        "firstName": row["first_name"] or "",
        "lastName": row["last_name"] or row["name"] or "",
        "title": row["title"],
        "company": row["company"],
        "vatIds": [row["vat_id"]] if row["vat_id"] else None,
        "email": row["email"] or "",
        "guest": bool(row["is_guest"]),
        "active": True,
        "birthday": row["birth_date"].isoformat() if isinstance(row["birth_date"], date) else None,
        "customFields": {"loyalty_card_no": row["loyalty_card_no"]} if row["loyalty_card_no"] else None,
        "createdAt": instant(row["created_at"]),
        "updatedAt": instant(row["updated_at"]),
        "apiAlias": "customer",
    }
    if "salutation" in associations and salutation:
        found["salutation"] = {
            "id": found["salutationId"],
            "salutationKey": _SALUTATION_KEYS.get(salutation, salutation),
            "displayName": _SALUTATIONS.get(salutation, salutation),
            "letterName": _SALUTATIONS.get(salutation, salutation),
            "apiAlias": "salutation",
        }
    if "defaultBillingAddress" in associations:
        inner = (associations["defaultBillingAddress"] or {}).get("associations", {})
        found["defaultBillingAddress"] = _address(row, address, "country" in inner)
    return found


def _address(row: Json, address: str, with_country: bool) -> Json:
    country = row["country"]
    has_code = bool(country) and len(country) == 2
    found: Json = {
        "id": address,
        "customerId": row["id"],
        "countryId": identifier("country", country),
        "firstName": row["first_name"] or "",
        "lastName": row["last_name"] or row["name"] or "",
        "company": row["company"],
        "street": " ".join(filter(None, (row["street"], row["house_no"]))),
        "zipcode": row["postal_code"],
        "city": row["city"] or "",
        "phoneNumber": row["phone"],
        "createdAt": instant(row["created_at"]),
        "updatedAt": instant(row["updated_at"]),
        "apiAlias": "customer_address",
    }
    if with_country and country:
        found["country"] = {
            "id": found["countryId"],
            "iso": country.upper() if has_code else None,
            "name": country,
            "addressFormat": {},
            "apiAlias": "country",
        }
        if not has_code:
            del found["country"]["iso"]
    return found


def _products(store: Store, rows: list[Json], criteria: Criteria) -> list[Json]:  # noqa: ARG001
    return [_product(row, criteria.associations) for row in rows]


def _product(row: Json, associations: Json) -> Json:
    category = row["category"]
    list_price = float(row["list_price"] or 0)
    found: Json = {
        "id": row["id"],
        "autoIncrement": row["auto_increment"],
        "productNumber": row["product_no"],
        "name": row["name"] or row["product_no"],
        "translated": {"name": row["name"] or row["product_no"]},
        "active": True,
        "stock": 100,
        "taxId": identifier("tax", 19),
        "price": [price(round(list_price / 1.19, 4), list_price)],
        "purchasePrices": None,
        "categoryIds": [identifier("category", category)] if category else [],
        "createdAt": instant(row["created_at"]),
        "updatedAt": instant(row["updated_at"]),
        "apiAlias": "product",
    }
    if row["unit_cost"] is not None:
        cost = float(row["unit_cost"])
        found["purchasePrices"] = [price(cost, round(cost * 1.19, 2))]
    if "categories" in associations:
        found["categories"] = [
            {
                "id": identifier("category", name),
                "name": name,
                "translated": {"name": name},
                "level": 2,
                "apiAlias": "category",
            }
            for name in ([category] if category else [])
        ]
    return found


def _recipients(store: Store, rows: list[Json], criteria: Criteria) -> list[Json]:  # noqa: ARG001
    return [
        {
            "id": row["id"],
            "email": row["email"],
            "firstName": row["first_name"],
            "lastName": row["last_name"],
            "status": row["status"],
            "hash": identifier("newsletter-hash", row["id"]),
            "languageId": LANGUAGE,
            "salesChannelId": SALES_CHANNEL,
            "createdAt": instant(row["created_at"]),
            "updatedAt": instant(row["updated_at"]),
            "apiAlias": "newsletter_recipient",
        }
        for row in rows
    ]


def entities() -> dict[str, Entity]:
    """The entities that can be searched, by their name in the URL."""
    number = SqlField("auto_increment", "number")
    return {
        "customer": Entity(
            "customer",
            "customer",
            _versions(
                autoIncrement=number,
                customerNumber=SqlField("CAST(10000 + auto_increment AS varchar)"),
                email=SqlField("email"),
                firstName=SqlField("first_name"),
                lastName=SqlField("last_name"),
                company=SqlField("company"),
                guest=SqlField("coalesce(is_guest, FALSE)", "boolean"),
                **{
                    "defaultBillingAddress.updatedAt": SqlField("updated_at", "instant"),
                    "defaultBillingAddress.city": SqlField("city"),
                    "defaultBillingAddress.zipcode": SqlField("postal_code"),
                    "customFields.loyalty_card_no": SqlField("loyalty_card_no"),
                },
            ),
            frozenset({"salutation", "defaultBillingAddress"}),
            _customers,
        ),
        "order": Entity(
            "order",
            "orders",
            _versions(
                autoIncrement=number,
                orderNumber=SqlField("order_number"),
                orderDateTime=SqlField("created_at", "instant"),
                orderDate=SqlField("created_at", "instant"),
                **{
                    "orderCustomer.customerId": SqlField("customer_id"),
                    "orderCustomer.email": SqlField("email"),
                    "stateMachineState.technicalName": SqlField("status"),
                    "currency.isoCode": SqlField("currency"),
                },
            ),
            frozenset(
                {"orderCustomer", "lineItems", "currency", "stateMachineState", "transactions", "deliveries"}
            ),
            build_orders,
        ),
        "product": Entity(
            "product",
            "product",
            _versions(autoIncrement=number, productNumber=SqlField("product_no"), name=SqlField("name")),
            frozenset({"categories"}),
            _products,
        ),
        "newsletter-recipient": Entity(
            "newsletter_recipient",
            "newsletter_recipient",
            _versions(email=SqlField("email"), status=SqlField("status")),
            frozenset(),
            _recipients,
        ),
    }
