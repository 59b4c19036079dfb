"""Corrections: what may be said, the file that keeps them, and whose they are after merges and splits."""

import json
from datetime import UTC, date, datetime

import duckdb
import pytest

from stammkunde.errors import UserError
from stammkunde.golden.correction_log import read_corrections
from stammkunde.golden.corrections import correct, write_corrections
from stammkunde.golden.values import checked_value

AS_OF = date(2026, 11, 1)


@pytest.mark.parametrize(
    ("attribute", "text", "value"),
    [
        ("birth_date", "17.5.1980", "1980-05-17"),
        ("birth_date", "1980-05-17", "1980-05-17"),
        ("email", " Maria.Mueller@GMX.de ", "maria.mueller@gmx.de"),
        ("phone", "0170 1234599", "+491701234599"),
        ("phone", "+41 44 668 18 00", "+41446681800"),
        ("vat_id", "DE 136 695 976", "DE136695976"),
        ("country", "at", "AT"),
        ("postal_code", "80331", "80331"),
        ("last_name", "  von   Müller ", "von Müller"),
    ],
)
def test_values_are_brought_into_form(attribute, text, value):
    assert checked_value(attribute, text, country="DE", as_of=AS_OF) == value


@pytest.mark.parametrize(
    ("attribute", "text", "message"),
    [
        ("birth_date", "31.02.1980", "birth_date: not a day"),
        ("birth_date", "1980", "birth_date: not a day"),
        ("birth_date", "01.01.1900", "birth_date: must lie between 1905 and today"),
        ("birth_date", "2026-11-01", "birth_date: must lie between 1905 and today"),
        ("email", "maria.mueller", "email: not an e-mail address"),
        ("phone", "12", "phone: no such number"),
        ("phone", "call me", "phone: no such number"),
        ("vat_id", "DE12", "vat_id: not a VAT id"),
        ("country", "Germany", "country: write the ISO code"),
        ("postal_code", "8033", "postal_code: five digits in DE"),
        ("first_name", " ", "first_name: the value is empty"),
        ("first_name", "a\x00b", "first_name: at most 200 printable characters"),
        ("first_name", "x" * 201, "first_name: at most 200 printable characters"),
        ("emial", "a@b.de", "unknown attribute 'emial'; did you mean 'email'?"),
    ],
)
def test_wrong_values_are_refused(attribute, text, message):
    with pytest.raises(UserError) as refused:
        checked_value(attribute, text, country="DE", as_of=AS_OF)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize("attribute", ["birth_date", "email", "phone", "vat_id", "postal_code", "country"])
def test_a_refusal_does_not_repeat_the_value(attribute):
    with pytest.raises(UserError) as refused:
        checked_value(attribute, "Quittenbaum 4711", country="DE", as_of=AS_OF)
    assert "Quitten" not in str(refused.value) and "4711" not in str(refused.value)


class World:
    """Records r1 and r2 of customer c_a, r3 of c_b; golden values of c_a."""

    def __init__(self, directory):
        self.path = directory / "corrections.jsonl"
        self.connection = duckdb.connect()
        self.minute = 0
        for statement in (
            "create schema identity",
            "create schema golden",
            "create table identity.identity_assignment (record_id varchar, customer_id varchar)",
            "create table identity.int_source_records (record_id varchar, created_at timestamp)",
            "create table identity.customer_id_event (event varchar, customer_id varchar, "
            "previous_customer_id varchar, happened_at timestamp)",
            "create table golden.int_golden_values (customer_id varchar, attribute varchar, "
            "attribute_value varchar, record_id varchar)",
            "insert into identity.int_source_records values ('r1', '2020-01-01'), ('r2', '2021-01-01'), "
            "('r3', '2022-01-01')",
            "insert into golden.int_golden_values values ('c_a', 'street', 'Gasse', 'r2'), "
            "('c_a', 'house_no', '1', 'r2'), ('c_a', 'city', 'Ulm', 'r2'), ('c_a', 'country', 'DE', 'r2'), "
            "('c_a', 'first_name', 'Eva', 'r1'), ('c_a', 'last_name', 'Lang', 'r1')",
        ):
            self.connection.execute(statement)
        self.assign(r1="c_a", r2="c_a", r3="c_b")

    def assign(self, **customers):
        self.connection.execute("delete from identity.identity_assignment")
        for row in customers.items():
            self.connection.execute("insert into identity.identity_assignment values (?, ?)", row)

    def merge(self, into, previous):
        self.connection.execute(
            "insert into identity.customer_id_event values ('merged', ?, ?, '2026-01-01')", [into, previous]
        )

    def correct(self, customer, attribute, value=None, withdraw=False, author="eva", reason="letter"):
        self.minute += 1
        return correct(
            self.connection, self.path, customer_id=customer, attribute=attribute, value=value, author=author,
            reason=reason, at=datetime(2026, 11, 1, 12, self.minute, tzinfo=UTC), default_country="DE",
            withdraw=withdraw,
        )  # fmt: skip

    def applied(self):
        write_corrections(self.connection, self.path)
        return {
            (customer, attribute): value
            for customer, attribute, value in self.connection.execute(
                "select customer_id, attribute, value from golden.correction where status = 'applied'"
            ).fetchall()
        }

    def statuses(self):
        write_corrections(self.connection, self.path)
        return self.connection.execute(
            "select attribute, status from golden.correction order by corrected_at"
        ).fetchall()


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_a_correction_says_who_why_and_when_and_is_private(world):
    made = world.correct("c_a", "email", "Eva@Lang.de")
    (line,) = [json.loads(text) for text in world.path.read_text(encoding="utf-8").splitlines()]
    assert line == {
        "correction_id": made.correction_id, "customer_id": "c_a", "record_id": "r1", "attribute": "email",
        "values": {"email": "eva@lang.de"}, "author": "eva", "reason": "letter",
        "at": "2026-11-01T12:01:00+00:00",
    }  # fmt: skip
    assert world.path.stat().st_mode & 0o777 == 0o600
    assert world.applied() == {("c_a", "email"): "eva@lang.de"}


def test_it_hangs_on_the_record_that_gives_the_value_and_goes_with_it(world):
    world.correct("c_a", "first_name", "Ewa")
    world.correct("c_a", "house_no", "2")
    world.assign(r1="c_a", r2="c_new", r3="c_b")  # split: the address's record leaves
    applied = world.applied()
    assert applied["c_a", "first_name"] == "Ewa"
    assert applied["c_new", "house_no"] == "2"
    assert ("c_a", "house_no") not in applied


def test_it_follows_merges_also_when_the_record_is_gone(world):
    world.correct("c_b", "email", "b@lang.de")
    world.assign(r1="c_a", r2="c_a", r3="c_a")
    world.merge("c_a", "c_b")
    assert world.applied() == {("c_a", "email"): "b@lang.de"}
    world.assign(r1="c_z", r2="c_z")
    world.merge("c_z", "c_a")
    assert world.applied() == {("c_z", "email"): "b@lang.de"}
    assert world.correct("c_b", "first_name", "Bea").customer_id == "c_z"


def test_of_two_merged_customers_the_newer_correction_wins(world):
    world.correct("c_b", "email", "b@lang.de")
    world.correct("c_a", "email", "a@lang.de")
    world.assign(r1="c_a", r2="c_a", r3="c_a")
    assert world.applied() == {("c_a", "email"): "a@lang.de"}
    assert world.statuses() == [("email", "superseded"), ("email", "applied")]


def test_a_number_given_to_somebody_else_does_not_take_the_correction_along(world):
    world.correct("c_a", "first_name", "Ewa")
    world.connection.execute(
        "create table identity.reissued_record as "
        "select 'r1' as record_id, timestamp '2026-12-01' as reissued_at"
    )
    world.assign(r1="c_stranger", r2="c_a", r3="c_b")
    assert world.applied() == {("c_a", "first_name"): "Ewa"}


def test_whose_customer_is_gone_is_kept_and_shown(world):
    world.correct("c_b", "email", "b@lang.de")
    world.assign(r1="c_a", r2="c_a")
    assert world.statuses() == [("email", "orphaned")]


def test_an_address_is_kept_as_a_whole_a_name_field_by_field(world):
    world.correct("c_a", "street", "Neue Gasse")
    world.correct("c_a", "house_no", "9")  # sees the street of a moment ago
    world.correct("c_a", "first_name", "Ewa")
    assert world.applied() == {
        ("c_a", "street"): "Neue Gasse", ("c_a", "house_no"): "9", ("c_a", "postal_code"): None,
        ("c_a", "city"): "Ulm", ("c_a", "country"): "DE", ("c_a", "first_name"): "Ewa",
    }  # fmt: skip


def test_remove_and_withdraw(world):
    world.correct("c_a", "email", "eva@lang.de")
    world.correct("c_a", "email", None)
    assert world.applied() == {("c_a", "email"): None}
    world.correct("c_a", "email", withdraw=True)
    assert world.applied() == {}
    assert world.statuses() == [("email", "withdrawn"), ("email", "withdrawn")]
    with pytest.raises(UserError, match="nothing is corrected at email of c_a"):
        world.correct("c_a", "email", withdraw=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"customer": "c_nobody"}, "unknown customer 'c_nobody'"),
        ({"attribute": "shoe_size"}, "unknown attribute 'shoe_size'"),
        ({"attribute": "birth_date", "value": "31.02.1980"}, "birth_date: not a day"),
        ({"author": " "}, "needs its author"),
        ({"reason": ""}, "needs its reason"),
    ],
)
def test_what_cannot_be_corrected_leaves_no_line(world, arguments, message):
    with pytest.raises(UserError, match=message):
        world.correct(**{"customer": "c_a", "attribute": "email", "value": "a@b.de", **arguments})
    assert read_corrections(world.path) == []


def test_half_a_line_is_cut_off_a_broken_one_is_named(world):
    world.correct("c_a", "email", "eva@lang.de")
    whole = world.path.read_bytes()
    world.path.write_bytes(whole + b'{"correction_id": "k_')
    assert len(read_corrections(world.path)) == 1
    world.correct("c_a", "first_name", "Ewa")
    assert [c.attribute for c in read_corrections(world.path)] == ["email", "first_name"]
    world.path.write_bytes(whole.rstrip(b"\n"))  # only the line end is missing
    world.correct("c_a", "first_name", "Ewa")
    assert [c.attribute for c in read_corrections(world.path)] == ["email", "first_name"]
    world.path.write_bytes(b"{}\n" + whole)
    with pytest.raises(UserError, match="line 1: not a correction"):
        write_corrections(world.connection, world.path)


def test_before_the_first_run(tmp_path):
    with pytest.raises(UserError, match="there are no customers yet"):
        correct(
            duckdb.connect(), tmp_path / "corrections.jsonl", customer_id="c_a", attribute="email",
            value="a@b.de", author="eva", reason="letter", at=datetime(2026, 11, 1, tzinfo=UTC),
            default_country="DE",
        )  # fmt: skip
