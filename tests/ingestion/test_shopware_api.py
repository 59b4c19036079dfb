"""The demo's shop server: criteria, errors, the vendor's OpenAPI file, an independent client."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from shopware_shop import ID, SECRET, hex_id, serve, write_shop

from ingestion.demo.shopware_api import create_app, main


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def shop(folder: Path) -> Iterator[str]:
    with serve(create_app(folder, ID, SECRET)) as url:
        yield url


@pytest.fixture(scope="module")
def client(shop: str) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {token_of(shop)}", "Accept": "application/json"}
    with httpx.Client(base_url=f"{shop}/api", headers=headers) as session:
        yield session


def token_of(shop: str) -> str:
    grant = {"grant_type": "client_credentials", "client_id": ID, "client_secret": SECRET}
    answer = httpx.post(f"{shop}/api/oauth/token", json=grant).json()
    assert answer["token_type"] == "Bearer" and answer["expires_in"] == 600
    return answer["access_token"]


def search(client: httpx.Client, entity: str, **criteria: Any) -> dict[str, Any]:
    body = {k.replace("_", "-"): v for k, v in criteria.items()}
    answer = client.post(f"/search/{entity}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_pages_and_totals(client: httpx.Client) -> None:
    first = search(client, "order", limit=5, page=1, total_count_mode=1)
    third = search(client, "order", limit=5, page=3, total_count_mode="exact")
    assert (len(first["data"]), first["total"], len(third["data"]), third["total"]) == (5, 12, 2, 12)
    assert search(client, "order", limit=5)["total"] == 5
    assert search(client, "order", limit=1, total_count_mode=2)["total"] == 7
    assert search(client, "order", limit=5, page=9)["data"] == []
    everything = [search(client, "order", limit=5, page=p)["data"] for p in (1, 2, 3)]
    assert len({o["id"] for page in everything for o in page}) == 12


def test_filters(client: httpx.Client) -> None:
    def found(entity: str, *filters: Any) -> set[str]:
        return {d["id"] for d in search(client, entity, filter=list(filters))["data"]}

    def ids(entity: str, *numbers: int) -> set[str]:
        return {hex_id(entity, n) for n in numbers}

    email = {"type": "equals", "field": "email", "value": "kunde3@example.org"}
    assert found("customer", email) == ids("customer", 3)
    assert found("customer", {"type": "not", "operator": "or", "queries": [email]}) == ids(
        "customer", 0, 1, 2, 4, 5, 6
    )
    assert found("customer", {"type": "equals", "field": "guest", "value": True}) == ids("customer", 0, 4)
    assert found("customer", {"type": "equals", "field": "updatedAt", "value": None}) == ids(
        "customer", 0, 2, 4, 6
    )
    assert found("customer", {"type": "contains", "field": "company", "value": "müller"}) == ids(
        "customer", 2
    )
    assert found("customer", {"type": "prefix", "field": "email", "value": "kunde3"}) == ids("customer", 3)
    assert found("customer", {"type": "suffix", "field": "lastName", "value": "-4"}) == ids("customer", 4)
    some = {"type": "equalsAny", "field": "orderNumber", "value": "SW1|SW4|SW99"}
    assert found("order", some) == ids("order", 1, 4)
    cancelled = {"type": "equals", "field": "order.stateMachineState.technicalName", "value": "cancelled"}
    assert found("order", cancelled) == ids("order", 3)
    either = {"type": "multi", "operator": "or", "queries": [some, cancelled]}
    assert found("order", either) == ids("order", 1, 3, 4)
    both = {"type": "multi", "operator": "AND", "queries": [some, {**some, "value": ["SW4"]}]}
    assert found("order", both) == ids("order", 4)
    late = {"type": "range", "field": "orderDateTime", "parameters": {"gte": "2024-01-21T09:00:00+01:00"}}
    assert found("order", late) == ids("order", 10, 11)  # the zone counts: 08:00 in UTC
    early = {"type": "range", "field": "autoIncrement", "parameters": {"gt": 1, "lte": 3}}
    assert found("order", early) == ids("order", 1, 2)
    assert {d["id"] for d in search(client, "customer", ids=[hex_id("customer", 6)])["data"]} == ids(
        "customer", 6
    )


def test_sort_puts_null_first_upwards_and_last_downwards(client: httpx.Client) -> None:
    up = search(client, "customer", sort=[{"field": "updatedAt", "order": "ASC"}])["data"]
    down = search(client, "customer", sort=[{"field": "updatedAt", "order": "DESC"}])["data"]
    assert [d["updatedAt"] for d in up[:4]] == [None] * 4 == [d["updatedAt"] for d in down[-4:]]
    assert down[0]["updatedAt"] == "2024-02-05T08:00:00.000+00:00"


def test_associations_and_includes(client: httpx.Client) -> None:
    plain = search(client, "order", limit=1)["data"][0]
    assert "lineItems" not in plain and "orderCustomer" not in plain
    criteria = {
        "ids": [hex_id("order", 5)],
        "associations": {"lineItems": {}, "currency": {}, "transactions": {}, "deliveries": {}},
        "includes": {"order": ["orderNumber", "lineItems"], "order_line_item": ["label", "type", "price"]},
    }
    found = search(client, "order", **criteria)["data"][0]
    assert found.keys() == {"orderNumber", "lineItems", "apiAlias"}
    assert [(x["label"], x["type"]) for x in found["lineItems"]][-1] == ("Frühlingsrabatt", "promotion")
    assert found["lineItems"][0].keys() == {"label", "type", "price", "apiAlias"}
    assert found["lineItems"][-1]["price"]["totalPrice"] == -5.0


def test_single_entities_and_lists(client: httpx.Client) -> None:
    wanted = hex_id("customer", 2)
    assert client.get(f"/customer/{wanted}").json()["data"]["company"] == "Müller & Söhne GmbH"
    assert len(client.get("/order", params={"limit": 5, "page": 3}).json()["data"]) == 2
    assert client.get("/_info/version").json() == {"version": "6.7.10.1"}
    assert client.get("/_info/health-check").status_code == 200


DATE = {"type": "range", "field": "createdAt", "parameters": {"gt": "x"}}
ERRORS = [
    ("POST", "/search/order", {"limit": 501}, 400, "FRAMEWORK__QUERY_LIMIT_EXCEEDED"),
    ("POST", "/search/order", {"limit": 0}, 400, "FRAMEWORK__INVALID_LIMIT_QUERY"),
    ("POST", "/search/order", {"page": "x"}, 400, "FRAMEWORK__INVALID_PAGE_QUERY"),
    ("POST", "/search/order", {"filter": "x"}, 400, "FRAMEWORK__INVALID_FILTER_QUERY"),
    ("FILTER", "order", {"type": "equals", "field": "x", "value": 1}, 400, "FRAMEWORK__UNMAPPED_FIELD"),
    ("FILTER", "order", {"type": "near", "field": "id"}, 400, "FRAMEWORK__INVALID_FILTER_QUERY"),
    ("FILTER", "order", {"type": "equals", "field": "id"}, 400, "FRAMEWORK__INVALID_FILTER_QUERY"),
    ("FILTER", "order", {"type": "range", "field": "id"}, 400, "FRAMEWORK__INVALID_RANGE_FILTER_PARAM"),
    ("FILTER", "order", DATE, 400, "FRAMEWORK__INVALID_FILTER_QUERY"),
    ("POST", "/search/order", {"sort": [{}]}, 400, "FRAMEWORK__INVALID_SORT_QUERY"),
    ("POST", "/search/order", {"associations": {"nothing": {}}}, 404, "FRAMEWORK__ASSOCIATION_NOT_FOUND"),
    ("POST", "/search/nothing", {}, 404, "FRAMEWORK__RESOURCE_NOT_FOUND"),
    ("GET", "/customer/0000", None, 404, "FRAMEWORK__ENTITY_NOT_FOUND"),
    ("GET", "/a/b/c/d", None, 404, "0"),
    ("GET", "/search/order", None, 404, "FRAMEWORK__RESOURCE_NOT_FOUND"),
    ("PUT", "/search/order", {}, 405, "0"),
    ("POST", "/search/user", {}, 403, "FRAMEWORK__MISSING_PRIVILEGE_ERROR"),
    ("POST", "/customer", {}, 403, "FRAMEWORK__MISSING_PRIVILEGE_ERROR"),
    ("DELETE", "/customer/1", None, 403, "FRAMEWORK__MISSING_PRIVILEGE_ERROR"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "code"), ERRORS)
def test_errors_have_shopwares_form(
    client: httpx.Client, method: str, path: str, body: Any, status: int, code: str
) -> None:
    if method == "FILTER":
        method, path, body = "POST", f"/search/{path}", {"filter": [body]}
    answer = client.request(method, path, json=body)
    assert answer.status_code == status
    error = answer.json()["errors"][0]
    assert (error["code"], error["status"]) == (code, str(status)) and error["title"] and error["detail"]


def test_token_is_needed_and_checked(shop: str, client: httpx.Client) -> None:
    assert httpx.post(f"{shop}/api/search/order", json={}).status_code == 401
    wrong = {"Authorization": "Bearer nonsense"}
    assert httpx.post(f"{shop}/api/search/order", json={}, headers=wrong).status_code == 401
    grant = {"grant_type": "client_credentials", "client_id": ID, "client_secret": "wrong"}
    assert httpx.post(f"{shop}/api/oauth/token", json=grant).json()["errors"][0]["code"] == "10"
    assert httpx.post(f"{shop}/api/oauth/token", json={"grant_type": "magic"}).status_code == 400
    form = {"grant_type": "client_credentials", "client_id": ID, "client_secret": SECRET}
    assert httpx.post(f"{shop}/api/oauth/token", data=form).status_code == 200
    assert httpx.get(f"{shop}/api/oauth/token").status_code == 401
    unknown = {"sw-language-id": "0" * 32}
    assert client.post("/search/order", json={}, headers=unknown).status_code == 412
    assert client.post("/search/order", json={}, headers={"Accept": "text/csv"}).status_code == 406
    assert client.post("/search/order", content=b"{broken").status_code == 400


def test_token_ends(folder: Path) -> None:
    grant = {"grant_type": "client_credentials", "client_id": ID, "client_secret": SECRET}
    with serve(create_app(folder, ID, SECRET, token_seconds=0)) as url:
        token = httpx.post(f"{url}/api/oauth/token", json=grant).json()["access_token"]
        answer = httpx.get(f"{url}/api/_info/version", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401 and answer.json()["errors"][0]["code"] == "9"


def test_missing_file_and_missing_secret_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(FileNotFoundError, match=r"customers\.parquet is missing"):
        create_app(tmp_path, ID, SECRET)
    monkeypatch.delenv("WEBSHOP_SECRET", raising=False)
    assert main(["--data", str(tmp_path), "--port", "0"]) == 2
    monkeypatch.setenv("WEBSHOP_ID", ID)
    monkeypatch.setenv("WEBSHOP_SECRET", SECRET)
    assert main(["--data", str(tmp_path), "--port", "0"]) == 2
    said = capsys.readouterr().err
    assert "WEBSHOP_SECRET have to be set" in said and "customers.parquet is missing" in said
    assert SECRET not in said


def test_runs_as_a_module(folder: Path) -> None:
    import os
    import socket
    import time

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "ingestion.demo.shopware_api",
        "--data",
        str(folder),
        "--port",
        str(port),
    ]
    process = subprocess.Popen(command, env={**os.environ, "WEBSHOP_ID": ID, "WEBSHOP_SECRET": SECRET})
    try:
        for _ in range(200):
            try:
                assert httpx.get(f"http://127.0.0.1:{port}/api/_info/health-check").status_code == 200
                break
            except httpx.TransportError:
                assert process.poll() is None
                time.sleep(0.1)
        else:
            pytest.fail("the server did not answer")
    finally:
        process.terminate()
        assert process.wait(10) is not None
