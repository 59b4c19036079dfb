"""A shop that answers badly: each fault has its message, and the next good run repairs everything."""

import json
import socket
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from shopware_shop import ID, SECRET, serve, write_shop
from test_webshop_shopware import rows, settings

from ingestion.demo.shopware_api import create_app
from ingestion.extract import Context, Message, Notice, SourceState, SourceUnavailable, Watermark
from ingestion.sources.webshop import shopware_client
from ingestion.sources.webshop.reader import extract
from ingestion.sources.webshop.shopware_client import RetryPolicy

CONTEXT = Context(as_of=date(2024, 6, 1))
Fault = Callable[[str, int, bytes], tuple[int, dict[str, str], bytes] | None]


class Faulty:
    """Stands before the shop. `fault(path, n, body)` is asked for the n-th request on the path, from 1."""

    def __init__(self, app: Any, fault: Fault) -> None:
        self.app, self.fault = app, fault
        self.requests: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        path = scope["path"].removeprefix("/api/")
        self.requests.append(path)
        request = await receive()
        sent: list[dict[str, Any]] = []

        async def replay() -> Any:
            return request

        async def keep(message: dict[str, Any]) -> None:
            sent.append(message)

        await self.app(scope, replay, keep)
        body = b"".join(m.get("body", b"") for m in sent)
        answer = self.fault(path, self.requests.count(path), body)
        if answer is None:
            for message in sent:
                await send(message)
            return
        status, headers, body = answer
        cut = headers.pop("cut", None)
        if cut:  # announces more than it sends, so the connection ends in the middle
            headers["content-length"] = str(len(body) + int(cut))
        raw = [(k.encode(), v.encode()) for k, v in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body})


JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return create_app(write_shop(tmp_path_factory.mktemp("shop")), ID, SECRET)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waits are noted, not waited for."""
    noted: list[float] = []
    monkeypatch.setattr(shopware_client, "POLICY", RetryPolicy(attempts=4, sleep=noted.append))
    return noted


@pytest.fixture(scope="module")
def good_url(good: Any) -> Iterator[str]:
    with serve(good) as url:
        yield url


@pytest.fixture(scope="module")
def whole(good_url: str) -> list[Message]:
    return list(extract(settings(good_url), CONTEXT))


def read(app: Any) -> list[Message]:
    with serve(app) as url:
        return list(extract(settings(url), CONTEXT))


def on(wanted: str, numbers: set[int] | None, answer: Any) -> Fault:
    """The answer for these requests on the path; None: for all. A function gets the good body."""

    def fault(path: str, number: int, body: bytes) -> Any:
        if path == wanted and (numbers is None or number in numbers):
            status, headers, content = answer(body) if callable(answer) else answer
            return status, dict(headers), content
        return None

    return fault


def same(found: list[Message], whole: list[Message]) -> bool:
    return all(rows(found, t) == rows(whole, t) for t in ("customers", "orders", "order_lines", "products"))


HTML = (200, {"content-type": "text/html; charset=utf-8"}, b"<html><body>Wartungsarbeiten</body></html>")
FAULTS = {
    "html page": (
        on("search/order", {3}, HTML),
        r"/api/search/order answered a page \(text/html\) instead of JSON: '<html><body>Wartungsarbeiten",
    ),
    "another shape": (
        on("search/order", {3}, (200, JSON, b'{"orders": []}')),
        r"/api/search/order answered JSON of another shape: no list 'data' of objects",
    ),
    "no total": (
        on("search/order", {3}, (200, JSON, b'{"data": [], "total": "viele"}')),
        r"answered JSON of another shape: 'total' is 'viele'",
    ),
    "a list": (on("search/order", {3}, (200, JSON, b"[]")), r"answered JSON of another shape: list"),
    "500 for ever": (
        on("search/order", None, (500, JSON, b'{"errors": [{"title": "Internal", "detail": "kaputt"}]}')),
        r"/api/search/order answered 500 \(Internal: kaputt\) \(tried 4 times\)",
    ),
    "429 for ever": (
        on("search/customer", None, (429, {"retry-after": "7"}, b"")),
        r"/api/search/customer answered 429 \(tried 4 times\)",
    ),
    "token 401": (
        on("oauth/token", None, (401, JSON, b'{"errors": [{"title": "Client authentication failed"}]}')),
        r"/api/oauth/token answered 401 \(Client authentication failed: \); check client_id and",
    ),
    "search 401": (
        on("search/order", None, (401, JSON, b"{}")),
        r"/api/search/order answered 401 also with a fresh token",
    ),
    "403": (
        on("search/order", None, (403, JSON, b'{"errors": [{"title": "", "detail": "order:read"}]}')),
        r"/api/search/order answered 403 \(: order:read\); give the integration the right to read it",
    ),
    "404": (
        on("oauth/token", None, (404, {}, b"")),
        r"answered 404; is this the address of a Shopware 6 shop",
    ),
    "redirect": (
        on("oauth/token", None, (301, {"location": "https://shop.example/api/oauth/token"}, b"")),
        r"redirects to https://shop.example/api/oauth/token; put the right url in the configuration",
    ),
    "page twice": (
        on("search/order", {4, 5, 6}, lambda body: (200, JSON, pages[0])),
        r"search/order delivered records again: after number 3 came \[1\]; asked 3 times",
    ),
    "short page": (
        on("search/order", {4}, lambda body: (200, JSON, shortened(body))),
        r"search/order ended after 5 records, but the shop states 12",
    ),
    "cut in mid-page": (
        on("search/order", None, lambda body: (200, {**JSON, "cut": "500"}, body[:-500])),
        r"/api/search/order cannot be reached or broke off: .*peer closed connection.*tried 4 times",
    ),
    "broken JSON": (
        on("search/order", None, lambda body: (200, JSON, body[:-50])),
        r"/api/search/order answered broken JSON of \d+ bytes: .*tried 4 times",
    ),
    "no autoIncrement": (
        on("search/order", {3}, (200, JSON, b'{"data": [{"id": "1"}], "total": 1}')),
        r"search/order answered a record without autoIncrement",
    ),
    "updatedAt is no instant": (
        on("search/order", {1}, (200, JSON, b'{"data": [{"updatedAt": "neulich"}], "total": 1}')),
        r"search/order answered updatedAt = 'neulich', no instant",
    ),
}
pages: list[bytes] = []


def shortened(body: bytes) -> bytes:
    content = json.loads(body)
    content["data"] = content["data"][:2]
    return json.dumps(content).encode()


@pytest.mark.parametrize("name", FAULTS)
def test_fault_has_a_clear_message_and_the_next_good_run_repairs(
    name: str, good: Any, good_url: str, waits: list[float], whole: list[Message]
) -> None:
    fault, message = FAULTS[name]

    def keeping(path: str, number: int, body: bytes) -> Any:
        if path == "search/order" and number == 3:
            pages[:] = [body]
        return fault(path, number, body)

    with pytest.raises(SourceUnavailable, match=message) as caught:
        read(Faulty(good, keeping))
    assert SECRET not in str(caught.value)
    assert same(list(extract(settings(good_url), CONTEXT)), whole)


def test_500_twice_then_good(good: Any, waits: list[float], whole: list[Message]) -> None:
    found = read(Faulty(good, on("search/order", {3, 4}, (500, {}, b"oops"))))
    assert same(found, whole)
    assert len(waits) == 2 and all(w <= 30 for w in waits)


def test_429_honours_retry_after(good: Any, waits: list[float], whole: list[Message]) -> None:
    found = read(Faulty(good, on("search/customer", {3}, (429, {"retry-after": "7"}, b""))))
    assert same(found, whole) and waits == [7.0]
    waits.clear()
    found = read(Faulty(good, on("oauth/token", {1}, (429, {"retry-after": "9999"}, b""))))
    assert same(found, whole) and waits == [120.0]


def test_a_401_on_the_way_renews_the_token_once(good: Any, waits: list[float], whole: list[Message]) -> None:
    app = Faulty(good, on("search/order", {3}, (401, JSON, b"{}")))
    assert same(read(app), whole)
    assert app.requests.count("oauth/token") == 2 and not waits


def test_a_cut_connection_is_tried_again(good: Any, waits: list[float], whole: list[Message]) -> None:
    cut = on("search/order", {4}, lambda body: (200, {**JSON, "cut": "500"}, body[:-500]))
    assert same(read(Faulty(good, cut)), whole) and len(waits) == 1


def test_a_page_twice_by_accident_is_asked_for_again(
    good: Any, waits: list[float], whole: list[Message]
) -> None:
    def fault(path: str, number: int, body: bytes) -> Any:
        if path == "search/order" and number == 3:
            pages[:] = [body]
        return (200, dict(JSON), pages[0]) if path == "search/order" and number == 4 else None

    assert same(read(Faulty(good, fault)), whole)


def test_missing_rights_on_customers_products_and_newsletter_are_told(
    good: Any, waits: list[float], whole: list[Message]
) -> None:
    def fault(path: str, number: int, body: bytes) -> Any:
        return (403, {}, b"") if path.startswith("search/") and path != "search/order" else None

    found = read(Faulty(good, fault))
    told = [m.text for m in found if isinstance(m, Notice)]
    assert any("search/customer answered 403" in t and "customers are left out" in t for t in told)
    assert any("search/product answered 403" in t and "products are left out" in t for t in told)
    assert rows(found, "orders") == rows(whole, "orders") and not rows(found, "customers")
    assert {r["category"] for r in rows(found, "order_lines")} == {None}

    newsletter = on("search/newsletter-recipient", None, (403, {}, b""))
    found = read(Faulty(good, newsletter))
    assert "may not read newsletter recipients" in next(m.text for m in found if isinstance(m, Notice))
    assert {r["newsletter"] for r in rows(found, "customers")} == {None}


def test_wrong_secret(good_url: str, waits: list[float]) -> None:
    with pytest.raises(SourceUnavailable, match=r"401 .*check client_id and client_secret"):
        list(extract(settings(good_url, secret="falsch-99"), CONTEXT))


def test_unreachable_port(waits: list[float]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(SourceUnavailable, match=rf"{url}/api/oauth/token cannot be reached .*tried 4 times"):
        list(extract(settings(url), CONTEXT))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("shop.example.org", "has to begin with https://"),
        ("ftp://shop.example.org", "has to begin with https://"),
        ("https://user:geheim@shop.example.org", "must not hold a user name or password"),
        ("https://shop:port", "not valid"),
    ],
)
def test_bad_urls(url: str, message: str, waits: list[float]) -> None:
    with pytest.raises(SourceUnavailable, match=message) as caught:
        list(extract(settings(url), CONTEXT))
    assert "geheim" not in str(caught.value)


def test_the_path_of_the_api_may_be_given(good_url: str, whole: list[Message]) -> None:
    assert same(list(extract(settings(good_url + "/api/"), CONTEXT)), whole)


def test_consent_that_changed_alone_brings_its_customer_again(good: Any, whole: list[Message]) -> None:
    """A recipient is an entity of its own: withdrawing consent does not change the customer."""
    marks = {m.table: m.value for m in whole if isinstance(m, Watermark)}
    state = SourceState(watermarks={table: value + timedelta(days=1) for table, value in marks.items()})
    changed = {"email": "kunde1@example.org", "status": "optOut"}
    body = json.dumps({"data": [changed], "total": 1}).encode()
    app = Faulty(good, on("search/newsletter-recipient", None, (200, JSON, body)))
    with serve(app) as url:
        again = list(extract(settings(url), replace(CONTEXT, state=state)))
    assert [(r["email"], r["newsletter"]) for r in rows(again, "customers")] == [
        ("kunde1@example.org", "false")
    ]
    assert not rows(again, "orders")
