"""CSV files: formulas, delimiters, encodings."""

from datetime import date

import duckdb
import pytest
from mailing_sync import rows_of, sync

from exports.destinations.file import csv_value
from exports.run import export
from stammkunde.errors import UserError

AS_OF = date(2026, 11, 20)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\n=1", "'\n=1"),
        ("  =1", "'  =1"),
        ("\u00a0=1", "'\u00a0=1"),
        ("\ufeff=1", "'\ufeff=1"),
        ("＝1+1", "'＝1+1"),
        ("+49 30 1234", "'+49 30 1234"),
        ("+4930123456", "+4930123456"),
        ("-5.50", "-5.50"),
        ('say "hi", Anna;\nbye', 'say "hi", Anna;\nbye'),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_formulas_are_neutralised_and_telephone_numbers_are_not(home, publish_customers, value, written):
    publish_customers(customers=[("c_1", value, "a@example.org", "+4930123451", False)])
    row = rows_of(export(sync(), home, AS_OF))[0]
    assert (row["name"], row["phone"]) == (written, "+4930123451")


def test_formula_in_a_list_is_neutralised():
    found = duckdb.execute(f"select {csv_value('v', 'VARCHAR[]')} from (select ['=1', 'b'] as v)").fetchone()
    assert found == ("'=1|b",)


def test_delimiter_and_encoding(home, publish_customers):
    publish_customers()
    settings = {"kind": "file", "formats": ["csv"], "delimiter": ";", "encoding": "cp1252"}
    result = export(sync(destination=settings), home, AS_OF)
    assert rows_of(result, "cp1252", ";")[0]["name"] == "Müller"
    with_mark = {**settings, "encoding": "utf-8-sig"}
    assert (export(sync(destination=with_mark), home, AS_OF).path / "mailing.csv").read_bytes()[
        :3
    ] == b"\xef\xbb\xbf"


def test_character_outside_the_encoding_is_a_clear_error_and_leaves_the_export_before(
    home, publish_customers
):
    publish_customers()
    before = export(sync(), home, AS_OF).path
    publish_customers(consents=[("c_4", "email", "marketing", "granted")])
    settings = {"kind": "file", "formats": ["csv"], "encoding": "cp1252"}
    with pytest.raises(UserError, match=r"cp1252 has no character U\+0141; set destination.encoding"):
        export(sync(destination=settings), home, AS_OF)
    assert [p.name for p in before.parent.iterdir() if p.name != "latest"] == [before.name]
