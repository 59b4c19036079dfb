"""Reading a Shopware 6 shop: products, customers, orders with their lines.

Pages are cut by `autoIncrement` (all that come after the last one seen), not by page number: a record that
changes or is added while we read cannot shift the others, so none is read twice or missed.

What changed is found by `updatedAt`, which is null until the first change, or `createdAt`. The watermark is
asked for before reading, so a change during the read is found by the next run. It is re-read with an
overlap for transactions that were still open; landing drops the rows it has.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pyarrow as pa

from ingestion.contracts import Table
from ingestion.extract import Context, Message, Notice, Rows, SourceUnavailable, Watermark
from ingestion.sources.webshop import contract
from ingestion.sources.webshop import shopware_mapping as mapping
from ingestion.sources.webshop.newsletter import Newsletter
from ingestion.sources.webshop.shopware_client import Forbidden, Page, ShopwareClient
from stammkunde.config import ShopwareWebshop

OVERLAP = timedelta(minutes=15)
REPEATS = 3

Json = dict[str, Any]

_VERSION = ["id", "autoIncrement", "createdAt", "updatedAt"]
_CRITERIA: dict[str, Json] = {
    "customer": {
        "associations": {
            "salutation": {},
            "defaultBillingAddress": {"associations": {"country": {}}},
        },
        "includes": {
            "customer": [
                *_VERSION, "email", "title", "firstName", "lastName", "company", "vatIds", "birthday",
                "guest", "customFields", "salutation", "defaultBillingAddress",
            ],
            "customer_address": [
                "company", "vatId", "street", "zipcode", "city", "phoneNumber", "country", "updatedAt",
            ],
            "country": ["iso", "name"],
            "salutation": ["salutationKey", "displayName"],
        },
    },
    "order": {
        "associations": {"orderCustomer": {}, "lineItems": {}, "currency": {}, "stateMachineState": {}},
        "includes": {
            "order": [
                *_VERSION, "orderNumber", "orderDateTime", "taxStatus", "price", "orderCustomer", "lineItems",
                "currency", "stateMachineState",
            ],
            "order_line_item": [
                "id", "parentId", "type", "label", "position", "quantity", "totalPrice", "price", "payload",
            ],
            "order_customer": ["customerId"],
            "currency": ["isoCode"],
            "state_machine_state": ["technicalName"],
        },
    },
    "product": {
        "associations": {"categories": {}},
        "includes": {
            "product": [
                *_VERSION, "productNumber", "name", "translated", "price", "purchasePrices", "categories",
            ],
            "category": ["name", "translated", "level"],
        },
    },
}  # fmt: skip


def read_shop(settings: ShopwareWebshop, context: Context) -> Iterator[Message]:
    """Messages for landing. Raises SourceUnavailable with the URL and what came instead of an answer."""
    with ShopwareClient(settings) as client:
        if client.sends_secret_in_clear:
            yield Notice("the url begins with http://, so the client secret travels unencrypted")
        shop = _Shop(client, settings.page_size, context)
        categories: dict[str, str | None] = {}
        for name, messages in (
            ("product", shop.products(categories)),
            ("customer", shop.customers()),
        ):
            try:
                yield from messages
            except Forbidden as error:
                yield Notice(f"{str(error).removeprefix('webshop: ')}; {name}s are left out")
        yield from shop.orders(categories)


class _Shop:
    """The reads of one run."""

    def __init__(self, client: ShopwareClient, page_size: int, context: Context) -> None:
        self._client, self._page_size, self._context = client, page_size, context
        self._newsletter = Newsletter(client)

    def products(self, categories: dict[str, str | None]) -> Iterator[Message]:
        """All products, each time: the catalogue is small, and the lines take their category from it."""
        read = 0
        for page in self._pages("product", []):
            rows = [mapping.product(found) for found in page.data]
            categories.update({r["product_no"]: r["category"] for r in rows if r["product_no"]})
            yield self._rows(contract.PRODUCTS, "search/product", rows, read)
            read += len(rows)

    def customers(self) -> Iterator[Message]:
        """Customers that are new or changed, or whose address or newsletter consent changed."""
        since = self._since("customers")
        newest = self._newest("customer")
        seen: set[Any] = set()
        read = 0
        for page in self._changed_customers(since):
            found = [c for c in page.data if c.get("id") not in seen]
            if not found:
                continue
            if since:
                seen.update(c.get("id") for c in found)
            consents = self._newsletter.consents(found)
            rows = [mapping.customer(c, consents.get(str(c.get("email")).lower())) for c in found]
            yield self._rows(contract.CUSTOMERS, "search/customer", rows, read)
            read += len(rows)
        if self._newsletter.is_forbidden:
            yield Notice("the integration may not read newsletter recipients; that consent stays empty")
        if newest:
            yield Watermark("customers", newest)

    def _changed_customers(self, since: str | None) -> Iterator[Page]:
        extra = ["defaultBillingAddress.updatedAt"]
        yield from self._pages("customer", [_changed(since, extra)] if since else [])
        if since:
            for emails in self._newsletter.changed_emails(_changed(since, [])):
                yield from self._pages("customer", [_any_of("email", emails)])

    def orders(self, categories: dict[str, str | None]) -> Iterator[Message]:
        """Orders that are new or changed, each with all its lines."""
        since = self._since("orders")
        newest = self._newest("order")
        read_orders = read_lines = parts = 0
        for page in self._pages("order", [_changed(since, [])] if since else []):
            order_rows, line_rows = [], []
            for found in page.data:
                order = mapping.order(found)
                lines = mapping.order_lines(found, categories)
                parts += len(mapping.items(found.get("lineItems"))) - len(lines)
                order_rows.append(order)
                line_rows.append((order, lines))
            yield from self._orders_and_lines(order_rows, line_rows, read_orders, read_lines)
            read_orders += len(order_rows)
            read_lines += sum(len(lines) for _, lines in line_rows)
        if parts:
            yield Notice(f"{parts} parts of bundles are in the price of their bundle and are no lines")
        if newest:
            yield Watermark("orders", newest)

    def _orders_and_lines(
        self,
        orders: list[mapping.Row],
        lines: list[tuple[mapping.Row, list[mapping.Row]]],
        read_orders: int,
        read_lines: int,
    ) -> Iterator[Message]:
        """Rows of a page; an order in a foreign currency is turned down with its lines."""
        own = self._context.currency
        kept_orders, order_places, kept_lines, line_places = [], [], [], []
        for place, (order, its_lines) in enumerate(lines, read_orders + 1):
            reason = f"the order is in {order['currency']}, the company's currency is {own}"
            is_foreign = order["currency"] not in (None, own)
            if is_foreign:
                yield mapping.rejected(
                    "orders", "search/order", place, "currency", order["currency"], reason, order
                )
            else:
                kept_orders.append(order)
                order_places.append(place)
            for line in its_lines:
                read_lines += 1
                if is_foreign:
                    yield mapping.rejected(
                        "order_lines", "search/order", read_lines, "order_id", line["order_id"], reason, line
                    )
                else:
                    kept_lines.append(line)
                    line_places.append(read_lines)
        if kept_orders:
            yield _table_rows(contract.ORDERS, "search/order", kept_orders, order_places)
        if kept_lines:
            yield _table_rows(contract.ORDER_LINES, "search/order", kept_lines, line_places)
        self._context.progress(f"orders: {read_orders + len(orders):,} orders")

    def _rows(self, table: Table, file: str, rows: list[mapping.Row], read: int) -> Rows:
        self._context.progress(f"{table.name}: {read + len(rows):,} rows")
        return _table_rows(table, file, rows, list(range(read + 1, read + len(rows) + 1)))

    def _since(self, table: str) -> str | None:
        watermark = None if self._context.full else self._context.state.watermarks.get(table)
        return (watermark - OVERLAP).isoformat(timespec="milliseconds") + "+00:00" if watermark else None

    def _newest(self, entity: str) -> datetime | None:
        """The highest `updatedAt` or `createdAt` now, UTC without zone.

        A time beyond the day after tomorrow of the run is a slip of a clock; it must not hide later changes.
        """
        limit = datetime.combine(self._context.as_of + timedelta(days=2), time())
        newest: list[datetime] = []
        for field in ("updatedAt", "createdAt"):
            criteria = {
                "limit": 1,
                "filter": [_range(field, "lt", limit.isoformat() + "+00:00")],
                "sort": [{"field": field, "order": "DESC"}],
                "includes": {entity: _VERSION},
            }
            for found in self._client.search(entity, criteria).data:
                newest += [_instant(found[field], entity, field)] if found.get(field) else []
        return max(newest, default=None)

    def _pages(self, entity: str, filters: list[Json]) -> Iterator[Page]:
        """All pages of a search; the next one is fetched while its predecessor is worked on.

        Raises SourceUnavailable when records are missing at the end.
        """
        read = stated = 0
        with ThreadPoolExecutor(1, thread_name_prefix="webshop") as fetcher:
            waiting: Future[Page] | None = fetcher.submit(self._page_after, entity, filters, None)
            while waiting is not None:
                page = waiting.result()
                stated = stated or page.total
                read += len(page.data)
                is_full = len(page.data) == self._page_size
                last = page.data[-1]["autoIncrement"] if is_full else None
                waiting = fetcher.submit(self._page_after, entity, filters, last) if is_full else None
                if page.data:
                    yield page
        if read < stated:
            criteria = {"limit": 1, "filter": filters, "total-count-mode": 1, "includes": {entity: ["id"]}}
            # Records may have been deleted while we read: what counts is the smaller number.
            left = min(stated, self._client.search(entity, criteria).total)
            if read < left:
                raise SourceUnavailable(
                    f"webshop: search/{entity} ended after {read:,} records, but the shop states {left:,}"
                )

    def _page_after(self, entity: str, filters: list[Json], last: int | None) -> Page:
        criteria = {
            **_CRITERIA[entity],
            "page": 1,
            "limit": self._page_size,
            "filter": [*filters, *([] if last is None else [_range("autoIncrement", "gt", last)])],
            "sort": [{"field": "autoIncrement", "order": "ASC"}],
            "total-count-mode": 1 if last is None else 0,
        }
        for _ in range(REPEATS):
            page = self._client.search(entity, criteria)
            numbers = [n for found in page.data if isinstance(n := found.get("autoIncrement"), int)]
            if len(numbers) < len(page.data):
                raise SourceUnavailable(f"webshop: search/{entity} answered a record without autoIncrement")
            if all(a < b for a, b in zip([last or 0, *numbers], numbers, strict=False)):
                return page
        raise SourceUnavailable(
            f"webshop: search/{entity} delivered records again: after number {last or 0} came {numbers[:1]}; "
            f"asked {REPEATS} times"
        )


def _table_rows(table: Table, file: str, rows: list[mapping.Row], places: list[int]) -> Rows:
    names = [n for n in table.field_names if n in rows[0]]
    data = pa.Table.from_pylist(rows, schema=pa.schema([(n, pa.string()) for n in names]))
    return Rows(table.name, data, file, pa.array(places, pa.int64()), decimal_mark=".")


def _range(field: str, operator: str, value: Any) -> Json:
    return {"type": "range", "field": field, "parameters": {operator: value}}


def _any_of(field: str, values: list[str]) -> Json:
    return {"type": "equalsAny", "field": field, "value": "|".join(values)}


def _changed(since: str, extra: list[str]) -> Json:
    queries = [_range(field, "gte", since) for field in ("updatedAt", "createdAt", *extra)]
    return {"type": "multi", "operator": "or", "queries": queries}


def _instant(value: Any, entity: str, field: str) -> datetime:
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise SourceUnavailable(
            f"webshop: search/{entity} answered {field} = {value!r}, no instant"
        ) from error
    return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
