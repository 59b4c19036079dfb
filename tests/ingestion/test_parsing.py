"""Every accepted spelling of a value, and every refused one with its reason."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.parsing import decimal_evidence, parse

BERLIN = "Europe/Berlin"


def one(kind, value, mark=None, zone=BERLIN):
    parsed = parse(kind, pa.array([value]), zone, mark)
    return parsed.values[0].as_py(), parsed.reasons[0].as_py()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1234", "1234"),
        ("1.234,56", "1234.56"),
        ("1,234.56", "1234.56"),
        ("1234,56", "1234.56"),
        ("1234.56", "1234.56"),
        ("-1.234.567,8", "-1234567.8"),
        ("1.234.567", "1234567"),
        ("1,234,567", "1234567"),
        ("1'234.50", "1234.5"),
        ("1’234,50", "1234.5"),
        ("0.234", "0.234"),
        ("0,5", "0.5"),
        (",5", "0.5"),
        (".5", "0.5"),
        ("+3", "3"),
        ("1234.567", "1234.567"),
        ("  7 ", "7"),
        ("1E-3", "0.001"),
        ("1e5", "100000"),
        ("12,34000", "12.34"),
    ],
)
def test_a_decimal_that_reads_in_one_way(text, value):
    assert one("decimal", text) == (Decimal(value).quantize(Decimal("0.0001")), None)


def test_the_fifth_decimal_place_is_rounded_half_away_from_zero():
    assert one("decimal", "0,83195")[0] == Decimal("0.8320")
    assert one("decimal", "-0,83195")[0] == Decimal("-0.8320")
    assert one("decimal", "0,83194")[0] == Decimal("0.8319")


@pytest.mark.parametrize(
    "text", ["abc", "5.", "1.23.4", "1,2,3", "--5", "12 €", "1.234,56,7", "1..2", "1.2345,6"]
)
def test_what_is_no_number_is_refused(text):
    assert one("decimal", text) == (None, "not a number")


@pytest.mark.parametrize("text", ["999999999999999", "1e99", "1E20", "1e15", "0," + "1" * 21])
def test_a_number_that_does_not_fit_is_refused(text):
    value, reason = one("decimal", text)
    assert value is None
    assert "too many digits" in reason


@pytest.mark.parametrize("text", ["1.234", "1,234", "-12.345", "999,999"])
def test_an_ambiguous_number_needs_the_decimal_mark_of_its_source(text):
    value, reason = one("decimal", text)
    assert value is None
    assert "ambiguous" in reason
    as_german = Decimal(text.replace(".", "").replace(",", "."))
    as_english = Decimal(text.replace(",", ""))
    assert one("decimal", text, ",") == (as_german, None)
    assert one("decimal", text, ".") == (as_english, None)


def test_evidence_for_the_decimal_mark_comes_from_unambiguous_numbers():
    assert decimal_evidence(pa.array(["1.234", "1,5"])) == (True, {","})
    assert decimal_evidence(pa.array(["1.234", "1.234.567"])) == (True, {","})
    assert decimal_evidence(pa.array(["1,234", "0.5"])) == (True, {"."})
    assert decimal_evidence(pa.array(["1.234", "7"])) == (True, set())
    assert decimal_evidence(pa.array(["1.234,5", "1,234.5", "1.234"])) == (True, {",", "."})
    assert decimal_evidence(pa.array(["7", None])) == (False, set())


@pytest.mark.parametrize(
    ("text", "value"),
    [("12", 12), ("-3", -3), ("+5", 5), ("1.234", 1234), ("1,234", 1234), ("5,00", 5), ("007", 7)],
)
def test_integers(text, value):
    assert one("integer", text) == (value, None)


def test_an_integer_that_may_be_one_or_a_thousand_is_ambiguous():
    assert "ambiguous" in one("integer", "1.000")[1]
    assert one("integer", "1.000", ",") == (1000, None)
    assert one("integer", "1.000", ".") == (1, None)


def test_integers_have_up_to_eighteen_digits_beside_whatever():
    parsed = parse("integer", pa.array(["123456789012345678", "x", "1234567890123456789"]), BERLIN)
    assert parsed.values.to_pylist() == [123456789012345678, None, None]
    assert parsed.reasons.to_pylist() == [None, "not a number", "number with too many digits"]


def test_a_fraction_is_no_integer():
    assert one("integer", "5,5") == (None, "not a whole number")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2024-02-29", date(2024, 2, 29)),
        ("29.02.2024", date(2024, 2, 29)),
        ("1.2.1980", date(1980, 2, 1)),
        ("01.01.1900", date(1900, 1, 1)),
        ("1990-05-01T00:00:00.000+00:00", date(1990, 5, 1)),
        ("1990-05-01 00:00:00", date(1990, 5, 1)),
    ],
)
def test_dates(text, value):
    assert one("date", text) == (value, None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("31.02.2024", "no such day"),
        ("2023-02-29", "no such day"),
        ("00.00.0000", "no such day"),
        ("2024-13-01", "no such day"),
        ("01.01.0001", "year outside 1850 to 2100"),
        ("0001-01-01", "year outside 1850 to 2100"),
        ("01.01.2101", "year outside 1850 to 2100"),
        ("31.12.85", "not a date"),
        ("20240101", "not a date"),
        ("morgen", "not a date"),
        ("2024-01-01T12:00", "not a date"),
    ],
)
def test_dates_that_are_refused(text, reason):
    value, said = one("date", text)
    assert value is None
    assert reason in said


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2024-07-01T12:00:00", "2024-07-01 10:00:00"),
        ("2024-01-01T12:00:00", "2024-01-01 11:00:00"),
        ("2024-07-01T12:00:00Z", "2024-07-01 12:00:00"),
        ("2024-07-01T12:00:00.123456Z", "2024-07-01 12:00:00.123456"),
        ("2024-07-01 12:00+0200", "2024-07-01 10:00:00"),
        ("2024-07-01T12:00:00-05:30", "2024-07-01 17:30:00"),
        ("01.07.2024 12:00", "2024-07-01 10:00:00"),
        ("1.7.2024, 8:05:09", "2024-07-01 06:05:09"),
        ("2024-10-27", "2024-10-26 22:00:00"),
        ("2024-03-31T02:30:00", "2024-03-31 01:00:00"),
        ("2024-10-27T02:30:00", "2024-10-27 00:30:00"),
        ("2024-07-01T12:00:00.123456789", "2024-07-01 10:00:00.123456"),
    ],
)
def test_instants_become_utc(text, utc):
    expected = datetime.fromisoformat(utc)
    assert one("instant", text) == (expected, None)
    mixed = parse("instant", pa.array([text, "31.12.1999 23:59", "2000-01-01T00:00:00Z"]), BERLIN)
    assert mixed.values[0].as_py() == expected, "the slow path agrees with the quick one"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("31.02.2024 10:00", "no such day"),
        ("2024-01-01T25:00:00", "no such time"),
        ("0001-01-01T00:00:00", "year outside"),
        ("9999-12-31T00:00:00", "year outside"),
        ("gestern", "not a date and time"),
    ],
)
def test_instants_that_are_refused(text, reason):
    value, said = one("instant", text)
    assert value is None
    assert reason in said


def test_native_instants():
    naive = datetime(2024, 7, 1, 12)  # noqa: DTZ001
    aware = datetime(2024, 7, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert one("instant", naive)[0] == datetime(2024, 7, 1, 10)  # noqa: DTZ001
    assert one("instant", aware)[0] == datetime(2024, 7, 1, 10)  # noqa: DTZ001
    assert one("instant", date(2024, 7, 1))[0] == datetime(2024, 6, 30, 22)  # noqa: DTZ001


def test_native_values_of_other_types():
    assert one("decimal", 1.5) == (Decimal("1.5"), None)
    assert one("decimal", 3) == (Decimal(3), None)
    assert one("integer", 3.0) == (3, None)
    assert one("integer", 2.5) == (None, "not a whole number")
    assert one("text", 4711) == ("4711", None)
    assert one("text", 4711.0) == ("4711", None)
    assert one("boolean", True) == (True, None)
    assert one("date", datetime(2024, 1, 1)) == (date(2024, 1, 1), None)  # noqa: DTZ001
    assert one("date", date(1, 1, 1)) == (None, "year outside 1850 to 2100")
    assert one("text", None) == (None, None)


@pytest.mark.parametrize("text", ["ja", "J", "TRUE", "1", "x", "y", "Yes"])
def test_true(text):
    assert one("boolean", text) == (True, None)


@pytest.mark.parametrize("text", ["nein", "N", "false", "0", "no"])
def test_false(text):
    assert one("boolean", text) == (False, None)


def test_what_is_neither_yes_nor_no_is_refused():
    assert one("boolean", "vielleicht")[1].startswith("not a yes or no")


@pytest.mark.parametrize("kind", ["text", "integer", "decimal", "date", "instant", "boolean", "text_list"])
@pytest.mark.parametrize("blank", ["", "   ", "\t", None])
def test_blank_is_null_for_every_type(kind, blank):
    parsed = parse(kind, pa.array([blank], pa.string()), BERLIN)
    assert parsed.values.to_pylist() == [None]
    assert parsed.reasons.to_pylist() == [None]


def test_lists():
    assert one("text_list", '["a; b", "c"]') == (["a; b", "c"], None)
    assert one("text_list", "a|b; c,d") == (["a", "b", "c", "d"], None)
    assert one("text_list", '["a"')[1] == "not a JSON array"
    assert one("text_list", ["a", "b"]) == (["a", "b"], None)


def test_no_values_at_all():
    for kind in ("text", "integer", "decimal", "date", "instant", "boolean", "text_list"):
        parsed = parse(kind, pa.array([], pa.string()), BERLIN)
        assert len(parsed.values) == len(parsed.reasons) == 0


amounts = st.decimals(min_value=-(10**13), max_value=10**13, places=4, allow_nan=False, allow_infinity=False)


@given(amounts, st.sampled_from([(".", ","), (",", "."), ("", ","), ("", "."), ("'", ".")]))
def test_written_decimals_read_back(amount, style):
    grouping, mark = style
    text = f"{amount:,.4f}".replace(",", "G").replace(".", mark).replace("G", grouping)
    assert one("decimal", text, mark) == (amount, None)


@given(st.dates(min_value=date(1850, 1, 1), max_value=date(2100, 12, 31)))
def test_written_dates_read_back(day):
    for text in (day.isoformat(), f"{day:%d.%m.%Y}", f"{day.day}.{day.month}.{day.year}"):
        assert one("date", text) == (day, None)


@given(
    st.datetimes(min_value=datetime(1901, 1, 1), max_value=datetime(2099, 12, 31)),  # noqa: DTZ001
    st.integers(min_value=-12 * 60, max_value=14 * 60),
)
def test_written_instants_read_back(utc, offset):
    zone = timezone(timedelta(minutes=offset))
    local = utc.replace(tzinfo=timezone.utc).astimezone(zone)  # noqa: UP017
    quick = parse("instant", pa.array([local.isoformat()]), BERLIN)
    slow = parse("instant", pa.array([local.isoformat(), "1.1.2000"]), BERLIN)
    assert quick.values[0].as_py() == slow.values[0].as_py() == utc


@given(st.text(max_size=20))
def test_no_text_crashes_a_parser_or_is_lost(text):
    for kind in ("integer", "decimal", "date", "instant", "boolean", "text_list"):
        for mark in (None, ",", "."):
            parsed = parse(kind, pa.array([text]), BERLIN, mark)
            value, reason = parsed.values[0].as_py(), parsed.reasons[0].as_py()
            assert (
                (value is None) != (reason is None)
                or (value is None and not text.strip())
                or kind == "text_list"
            )


@given(st.floats(), st.booleans())
def test_native_floats_are_read_or_refused(number, whole):
    kind = "integer" if whole else "decimal"
    value, reason = one(kind, number)
    assert (value is None) != (reason is None)
    if value is not None:
        assert float(value) == pytest.approx(number, abs=0.00005)
