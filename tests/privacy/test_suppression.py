"""Which rows mean an erased person: the same spelt otherwise, and nobody else."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from ingestion.contracts import catalogue
from privacy.key import Key
from privacy.retention_limits import Limits
from privacy.suppression import Suppressor
from privacy.tombstones import PURPOSE, Tombstone

KEY = Key(b"a key that is long enough")
UNTIL = datetime(2026, 1, 1, tzinfo=UTC)


def tombstones(*pairs: tuple[str, str], until: datetime | None = UNTIL) -> list[Tombstone]:
    return [Tombstone(kind, KEY.hash(PURPOSE, value), until, "e") for kind, value in pairs]


def rows(source: str, table: str, *given: dict) -> pa.Table:
    schema = catalogue()[source][table].content_schema
    return pa.Table.from_pylist([{n: row.get(n) for n in schema.names} for row in given], schema=schema)


def left(source, table, stones, *given, ever=False, country="DE"):
    with Suppressor(stones, KEY, country) as suppressor:
        return suppressor.apply(catalogue()[source][table], rows(source, table, *given), ever)


@pytest.mark.parametrize(
    ("email", "goes"),
    [
        ("anna@x.de", True), (" Anna@X.de ", True), ("<anna@x.de>", True), ("mailto:anna@x.de", True),
        ("anna@x.de.evil", False), ("hanna@x.de", False), (None, False), ("", False),
    ],
)  # fmt: skip
def test_spellings_of_an_address(email, goes):
    found = left("leads", "leads", tombstones(("email", "anna@x.de")), {"lead_id": "1", "email": email})
    assert found.dropped == goes


@pytest.mark.parametrize(
    ("phone", "country", "goes"),
    [
        ("0171 2345678", "DE", True), ("+49 171/2345678", "DE", True), ("0049-171-2345678", "AT", True),
        ("+49 (0)171 2345678", "DE", True), ("0171 2345678", "AT", False), ("0171 2345679", "DE", False),
        ("2345678", "DE", False), (None, "DE", False),
    ],
)  # fmt: skip
def test_spellings_of_a_number(phone, country, goes):
    stones = tombstones(("phone", "491712345678"))
    found = left("touchpoints", "tickets", stones, {"ticket_id": "1", "phone": phone}, country=country)
    assert found.dropped == goes


def test_a_number_alone_makes_no_record_somebodys():
    """A family shares its telephone: a record goes by its key, its address, or its name and address."""
    stones = tombstones(("phone", "491712345678"))
    assert left("leads", "leads", stones, {"lead_id": "1", "phone": "0171 2345678"}).dropped == 0


@pytest.mark.parametrize(
    ("record", "goes"),
    [
        ({"first_name": "Eva", "last_name": "Müller", "street": "Lange Straße", "house_no": "5"}, True),
        ({"name": "eva  MÜLLER", "street": "Lange Strasse 5"}, True),
        ({"first_name": "Eva", "last_name": "Müller", "street": "Lange Str. 6"}, False),
        ({"first_name": "Eva", "last_name": "Müller"}, False),
        ({"street": "Lange Str. 5"}, False),
    ],
)
def test_name_with_address(record, goes):
    stones = tombstones(("person", "evamüller|langestr5|80331"))
    found = left("branch", "customer", stones, {"customer_no": "1", "postal_code": "80331", **record})
    assert found.dropped == goes


def test_a_receipt_stays_without_the_person():
    mine = {"bon_id": "1", "kunde_id": "c-0012", "kunde_name": "Eva"}
    other = {"bon_id": "2", "kunde_id": "C13", "kunde_name": "Ida"}
    found = left("shop", "transactions", tombstones(("card", "C0012")), mine, other)
    assert (found.dropped, found.blanked) == (0, 1)
    assert found.rows.column("kunde_id").to_pylist() == [None, "C13"]
    assert found.rows.column("kunde_name").to_pylist() == [None, "Ida"]
    assert left("shop", "transactions", tombstones(("card", "C12")), mine, other).blanked == 0


def test_the_same_number_of_another_source_is_somebody_else():
    stones = tombstones(("record", "branch:1"))
    assert left("branch", "customer", stones, {"customer_no": "1"}).dropped == 1
    assert left("leads", "leads", stones, {"lead_id": "1"}).dropped == 0
    orders = left("branch", "sales_order", stones, {"order_no": "7", "customer_no": "1"})
    assert orders.rows.column("customer_no").to_pylist() == [None]


@pytest.mark.parametrize(
    ("at", "ever", "goes"),
    [
        (datetime(2025, 12, 31), False, True),  # noqa: DTZ001  (raw instants are UTC without a zone)
        (datetime(2026, 1, 2), False, False),  # noqa: DTZ001
        (datetime(2026, 1, 2), True, True),  # noqa: DTZ001
        (None, False, True),
    ],
)
def test_a_tombstone_holds_for_what_came_before_it(at, ever, goes):
    stones = tombstones(("email", "anna@x.de"))
    row = {"lead_id": "1", "email": "anna@x.de", "captured_at": at}
    assert left("leads", "leads", stones, row, ever=ever).dropped == goes


def test_rows_past_their_time_are_not_taken():
    day = datetime(2026, 1, 1)  # noqa: DTZ001
    limits = Limits({"leads.leads": ("captured_at", day.date())})
    table = catalogue()["leads"]["leads"]
    given = rows("leads", "leads", {"lead_id": "new", "captured_at": day}, {"lead_id": "none"},
                 {"lead_id": "old", "captured_at": datetime(2025, 12, 31)})  # noqa: DTZ001  # fmt: skip
    with Suppressor([], KEY, "DE", limits) as suppressor:
        kept = suppressor.apply(table, given).rows
    assert kept.column("lead_id").to_pylist() == ["new", "none"]


@pytest.mark.parametrize(
    ("row", "key", "goes"),
    [
        ('{"email":"Anna@x.de","captured_at":"soon"}', None, True),
        ("1;Anna;anna@x.de;soon", None, True),
        ('{"phone":"0171 2345678"}', None, True),
        ('{"lead_id":"L1"}', '["L1"]', True),
        ('{"lead_id":"L2"}', '["L2"]', False),
        ('{"email":"hanna@x.de"}', None, False),
        ("", None, False),
    ],
)
def test_broken_rows_are_recognised_by_what_stands_in_them(row, key, goes):
    stones = tombstones(("email", "anna@x.de"), ("phone", "491712345678"), ("record", "leads:L1"))
    quarantined = pa.table({"row": [row], "row_key": pa.array([key], pa.string())})
    with Suppressor(stones, KEY, "DE") as suppressor:
        assert suppressor.keep_quarantined(quarantined, "leads").to_pylist() == [not goes]
