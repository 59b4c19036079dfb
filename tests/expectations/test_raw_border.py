"""The raw border: what a healthy source passes and each fault fails."""

from datetime import date, datetime

import duckdb
import pytest

from expectations.results import CheckResult
from expectations.run import blocking_failures, check, read_results
from expectations.suites.raw import TABLE_CHECKS
from ingestion.contracts import catalogue
from stammkunde.errors import UserError

AS_OF = date(2026, 11, 20)


def member(number: int, **changes: object) -> dict:
    return {
        "member_no": f"M{number}",
        "card_no": f"K{number}",
        "first_name": "Anna",
        "last_name": "Müller",
        "email": f"anna{number}@example.org",
        "phone": "+4930123456",
        "birth_date": date(1980, 5, 17),
        "postal_code": "10115",
        "updated_at": datetime.fromisoformat("2026-01-01"),
        **changes,
    }


def of(results: list[CheckResult], rule: str, table: str = "loyalty") -> CheckResult:
    (found,) = [r for r in results if r.rule == rule and r.table_name == table]
    return found


def test_healthy_members_pass_every_rule_and_absent_tables_are_skipped(raw):
    raw.load("shop", "loyalty", [member(n) for n in range(50)])
    results = check(raw.connection, "raw", AS_OF)
    assert [r for r in results if not r.passed] == []
    assert {r.rule for r in results if r.table_name == "loyalty"} == {
        "contract", "rows_loaded", "key_filled", "key_unique", "name_filled", "email_filled", "phone_filled",
        "birth_date_filled", "email_shape", "postal_code_shape", "birth_date_plausible",
        "updated_at_plausible",
    }  # fmt: skip
    skipped = [r for r in results if r.rule == "delivered"]
    assert len(skipped) == len(TABLE_CHECKS) - 1
    assert all(r.checked == 0 and r.passed and "skipped" in r.details for r in skipped)


@pytest.mark.parametrize(
    ("rule", "changes", "failed"),
    [
        ("name_filled", {"first_name": None, "last_name": None}, 10),
        ("email_shape", {"email": "anna.example.org"}, 10),
        ("postal_code_shape", {"postal_code": "D-10115"}, 10),
        ("birth_date_plausible", {"birth_date": date(1, 1, 1)}, 10),
        ("birth_date_plausible", {"birth_date": date(2027, 1, 1)}, 10),
        ("updated_at_plausible", {"updated_at": datetime.fromisoformat("2026-11-22")}, 10),
    ],
)
def test_each_fault_fails_its_rule_only_as_a_warning(raw, rule, changes, failed):
    raw.load("shop", "loyalty", [member(n, **(changes if n < failed else {})) for n in range(50)])
    results = check(raw.connection, "raw", AS_OF)
    assert [r.rule for r in results if not r.passed] == [rule]
    found = of(results, rule)
    assert (found.failed, found.quality_pct, found.severity) == (failed, 80.0, "warn")
    assert blocking_failures(results) == []


def test_few_misshapen_addresses_are_tolerated_and_counted(raw):
    raw.load("shop", "loyalty", [member(n, **({"email": "x"} if n == 0 else {})) for n in range(100)])
    found = of(check(raw.connection, "raw", AS_OF), "email_shape")
    assert found.passed and found.failed == 1 and found.details == "1 of 100 fail, up to 2 % are tolerated"


def test_completeness_counts_empty_values(raw):
    raw.load("shop", "loyalty", [member(n, **({"email": None} if n >= 20 else {})) for n in range(100)])
    found = of(check(raw.connection, "raw", AS_OF), "email_filled")
    assert (found.checked, found.failed, found.passed) == (100, 80, False)


def test_duplicate_and_missing_keys_block(raw):
    raw.load(
        "shop", "loyalty", [member(1), member(1, last_name="Meier"), member(2), member(3, member_no=None)]
    )
    results = check(raw.connection, "raw", AS_OF)
    assert {(r.rule, r.failed) for r in blocking_failures(results)} == {("key_unique", 1), ("key_filled", 1)}


def test_duplicate_that_a_later_load_has_replaced_no_longer_blocks(raw):
    raw.load("shop", "loyalty", [member(1), member(1), member(2)], load_id="000001")
    assert of(check(raw.connection, "raw", AS_OF), "key_unique").failed == 1
    raw.load("shop", "loyalty", [member(1)], load_id="000002")
    assert of(check(raw.connection, "raw", AS_OF), "key_unique").failed == 0


def test_duplicate_of_an_earlier_load_still_blocks_after_a_load_without_it(raw):
    raw.load("shop", "loyalty", [member(1), member(1)], load_id="000001")
    raw.load("shop", "loyalty", [member(2)], load_id="000002")
    assert of(check(raw.connection, "raw", AS_OF), "key_unique").failed == 1


def test_values_are_those_of_the_newest_load(raw):
    raw.load("shop", "loyalty", [member(n, email="x") for n in range(10)], load_id="000001")
    raw.load("shop", "loyalty", [member(n) for n in range(10)], load_id="000002")
    found = of(check(raw.connection, "raw", AS_OF), "email_shape")
    assert (found.checked, found.failed) == (10, 0)


def test_lines_are_unique_per_order_and_replaced_with_it(raw):
    def line(order: str, number: int) -> dict:
        return {"order_no": order, "line_no": number, "product_no": "P", "quantity": 1, "net_amount": 5}

    raw.load("branch", "sales_order_line", [line("A", 1), line("A", 1), line("B", 1)], load_id="000001")
    assert of(check(raw.connection, "raw", AS_OF), "key_unique", "sales_order_line").failed == 1
    raw.load("branch", "sales_order_line", [line("A", 2)], load_id="000002")
    assert of(check(raw.connection, "raw", AS_OF), "key_unique", "sales_order_line").failed == 0


def test_amount_with_the_wrong_sign_is_a_warning(raw):
    row = {"order_no": "A", "product_no": "P", "quantity": -1, "net_amount": 5}
    raw.load("branch", "sales_order_line", [{**row, "line_no": n} for n in range(3)])
    found = of(check(raw.connection, "raw", AS_OF), "amount_follows_quantity", "sales_order_line")
    assert (found.failed, found.passed, found.severity) == (3, False, "warn")


def test_table_of_which_every_row_is_in_quarantine_is_not_taken_for_absent(raw):
    raw.load("shop", "loyalty", [], quarantined=60)
    results = check(raw.connection, "raw", AS_OF)
    assert not of(results, "rows_loaded").passed
    assert [(r.rule, r.failed) for r in blocking_failures(results)] == [("contract", 60)]


@pytest.mark.parametrize("settled", [{"healed_by": "000002"}, {"dropped_by": "anna"}])
def test_what_a_later_load_has_mended_or_a_person_dropped_is_no_fault_any_more(raw, settled):
    raw.load("shop", "loyalty", [member(1)], quarantined=60, refused=1, **settled)
    results = check(raw.connection, "raw", AS_OF)
    found = of(results, "contract")
    assert (found.checked, found.failed, found.passed) == (61, 0, True)
    assert not [r for r in results if r.rule == "files_refused"]
    assert blocking_failures(results) == []

    raw.load("shop", "loyalty", [member(1)], quarantined=60, refused=1, load_id="000003")
    results = check(raw.connection, "raw", AS_OF)
    assert [(r.rule, r.failed) for r in blocking_failures(results)] == [("contract", 60)]
    assert of(results, "files_refused").failed == 1


def test_suites_name_columns_of_the_contracts(raw):
    """Every projection binds against the contract's columns, every suite runs on empty values."""
    for spec in TABLE_CHECKS:
        table = catalogue()[spec.source][spec.table]
        raw.load(spec.source, spec.table, [dict.fromkeys(table.field_names)])
    results = check(raw.connection, "raw", AS_OF)
    assert not [r for r in results if "the check itself failed" in r.details]
    assert {(s.source, s.table) for s in TABLE_CHECKS} == {(r.source, r.table_name) for r in results}


def test_results_are_written_and_replaced_and_read_back(raw):
    raw.load("shop", "loyalty", [member(n, email="x") for n in range(5)])
    first = check(raw.connection, "raw", AS_OF)
    raw.load("shop", "loyalty", [member(n) for n in range(5)], load_id="000002")
    second = check(raw.connection, "raw", AS_OF)
    check(raw.connection, "raw", date(2026, 11, 21))
    assert first != second and read_results(raw.connection, AS_OF, ("raw",)) == second
    stored = raw.connection.execute("select run_id, count(*) from quality.check_result group by 1 order by 1")
    assert stored.fetchall() == [("2026-11-20", len(second)), ("2026-11-21", len(second))]


def test_no_personal_value_reaches_the_results(raw):
    raw.load("shop", "loyalty", [member(n, email="anna.secret", last_name="Geheim") for n in range(5)])
    text = str(check(raw.connection, "raw", AS_OF)) + str(read_results(raw.connection, AS_OF, ("raw",)))
    assert "secret" not in text and "Geheim" not in text


def test_without_raw_tables_there_is_a_clear_error():
    with pytest.raises(UserError, match="raw border cannot be checked yet"):
        check(duckdb.connect(), "raw", AS_OF)
