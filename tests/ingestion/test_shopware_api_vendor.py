"""The demo's shop server against the vendor's own description of the API, and a client written by others."""

import json
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from shopware_shop import ID, SECRET, customers, hex_id, order_lines, orders, serve, write_shop
from test_shopware_api import search, token_of

from ingestion.demo.shopware_api import create_app


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve(create_app(write_shop(tmp_path_factory.mktemp("shop")), ID, SECRET)) as url:
        yield url


@pytest.fixture(scope="module")
def client(shop: str) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {token_of(shop)}", "Accept": "application/json"}
    with httpx.Client(base_url=f"{shop}/api", headers=headers) as session:
        yield session


@pytest.fixture(scope="module")
def vendor_schema() -> dict[str, Any]:
    """The vendor's OpenAPI file out of its npm package, kept outside the checkout."""
    cache = Path.home() / ".cache" / "stammkunde-tests"
    target = cache / "adminApiSchema.json"
    if not target.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("npm is not installed, so the vendor's OpenAPI file cannot be fetched")
        cache.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [npm, "pack", "@shopware/api-client@1.6.0"],
            cwd=cache,
            capture_output=True,
            text=True,
            timeout=120,
        )
        if done.returncode:
            pytest.skip("the package registry cannot be reached, so the vendor's OpenAPI file is not there")
        archive = cache / done.stdout.split()[-1]
        with tarfile.open(archive) as package:
            member = package.extractfile("package/api-types/adminApiSchema.json")
            assert member is not None
            part = target.with_suffix(".part")
            part.write_bytes(member.read())
            part.rename(target)
    return json.loads(target.read_text())


def problems(schema: dict[str, Any], path: str, method: str, status: str, body: Any) -> list[str]:
    """What the vendor's description finds wrong with the answer."""
    response = schema["paths"][path][method]["responses"][status]
    if "$ref" in response:
        response = schema["components"]["responses"][response["$ref"].rpartition("/")[2]]
    wanted = response["content"]["application/json"]["schema"]
    absolute = json.loads(json.dumps(wanted).replace('"#/', '"urn:vendor#/'))
    registry = Registry().with_resource("urn:vendor", Resource(schema, DRAFT202012))
    errors = Draft202012Validator(absolute, registry=registry).iter_errors(body)
    return [
        f"{'/'.join(map(str, e.absolute_path))}: {e.message[:150]}"
        for e in errors
        if not (e.validator == "type" and isinstance(e.instance, list) and str(e.path[-1]) in LISTS)
    ]


# The vendor's file contradicts itself: an order's price calls these an object, its schema CalculatedPrice a
# list, which is what shops send. They are checked against CalculatedPrice.
LISTS = ("calculatedTaxes", "taxRules")


def without_nulls(value: Any) -> Any:
    """Shopware writes null for what is not set; its description leaves those fields merely optional."""
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    return [without_nulls(v) for v in value] if isinstance(value, list) else value


ALL = {
    "customer": {"salutation": {}, "defaultBillingAddress": {"associations": {"country": {}}}},
    "order": {
        "orderCustomer": {}, "lineItems": {}, "currency": {}, "stateMachineState": {}, "transactions": {},
        "deliveries": {},
    },
    "product": {"categories": {}},
    "newsletter-recipient": {},
}  # fmt: skip


@pytest.mark.parametrize("entity", ALL)
def test_answers_are_what_the_vendor_describes(
    vendor_schema: dict[str, Any], client: httpx.Client, entity: str
) -> None:
    answer = search(client, entity, associations=ALL[entity], total_count_mode="exact")
    assert answer["total"] == len(answer["data"]) > 2
    assert problems(vendor_schema, f"/search/{entity}", "post", "200", without_nulls(answer)) == []
    taxes = vendor_schema["components"]["schemas"]["CalculatedPrice"]["properties"]["calculatedTaxes"]
    for line in (x for o in answer["data"] for x in o.get("lineItems", [])):
        assert line["price"]["calculatedTaxes"]
        Draft202012Validator(taxes).validate(line["price"]["calculatedTaxes"])
    broken = without_nulls(answer)
    broken["data"][0]["id"] = "no hexadecimal id"
    del broken["data"][1]["id"]
    assert len(problems(vendor_schema, f"/search/{entity}", "post", "200", broken)) >= 2


def test_token_and_errors_are_what_the_vendor_describes(
    vendor_schema: dict[str, Any], shop: str, client: httpx.Client
) -> None:
    grant = {"grant_type": "client_credentials", "client_id": ID, "client_secret": SECRET}
    token = httpx.post(f"{shop}/api/oauth/token", json=grant).json()
    assert problems(vendor_schema, "/oauth/token", "post", "200", token) == []
    assert problems(vendor_schema, "/oauth/token", "post", "200", {"access_token": 1}) != []
    required = set(vendor_schema["components"]["schemas"]["error"]["required"])
    allowed = set(vendor_schema["components"]["schemas"]["error"]["properties"])
    for answer in (
        client.post("/search/order", json={"limit": 501}),
        httpx.post(f"{shop}/api/search/order", json={}),
    ):
        assert set(answer.json()) == {"errors"}
        assert all(required <= set(e) <= allowed for e in answer.json()["errors"])


def test_an_independent_client_reads_everything(shop: str) -> None:
    from lib_shopware6_api_base import (
        ConfShopware6ApiBase,
        Criteria,
        EqualsFilter,
        FieldSorting,
        GrantType,
        MultiFilter,
        RangeFilter,
        Shopware6AdminAPIClientBase,
    )

    config = ConfShopware6ApiBase(
        shopware_admin_api_url=f"{shop}/api",
        client_id=ID,
        client_secret=SECRET,
        grant_type=GrantType.RESOURCE_OWNER,
    )
    with Shopware6AdminAPIClientBase(config=config) as other:
        people = other.request_post_paginated("search/customer", Criteria(), junk_size=3)
        assert {c["email"] for c in people.data} == {c["email"] for c in customers()}
        listed = other.request_get_paginated("order", junk_size=5)
        assert {o["id"] for o in listed.data} == {o["order_id"] for o in orders()}
        criteria = Criteria(
            filter=[
                RangeFilter(field="orderDate", parameters={"gte": "2024-01-15T00:00:00.000Z"}),
                MultiFilter(
                    operator="or",
                    queries=[
                        EqualsFilter(field="stateMachineState.technicalName", value="completed"),
                        EqualsFilter(field="currency.isoCode", value="CHF"),
                    ],
                ),
            ],
            sort=[FieldSorting(field="orderDateTime", order="DESC")],
            associations={"lineItems": Criteria()},
        )
        found = other.request_post("search/order", criteria)
        assert [o["orderNumber"] for o in found.data] == [f"SW{n}" for n in range(11, 3, -1)]
        count = sum(len(o["lineItems"]) for o in found.data)
        wanted = {hex_id("order", n) for n in range(4, 12)}
        assert count == sum(r["order_id"] in wanted for r in order_lines())
