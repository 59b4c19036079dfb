"""The customer border: each broken customer table blocks publication."""

from datetime import date

import duckdb
import pytest

from expectations.run import blocking_failures, check, read_results
from stammkunde.errors import UserError

AS_OF = date(2026, 11, 20)


def test_consistent_customers_pass(marts):
    results = check(marts(), "customer", AS_OF)
    assert [r for r in results if not r.passed] == []
    assert {(r.source, r.table_name) for r in results} == {("marts", "customer")}


@pytest.mark.parametrize(
    ("columns", "rules"),
    [
        (
            {"customer_id": "'c_' || greatest(i, 1)"},
            {"customer_id_unique", "record_count_agrees", "every_record_has_its_customer"},
        ),
        (
            {"customer_id": "case when i > 0 then 'c_' || i end"},
            {"customer_id_filled", "every_customer_has_a_record", "every_record_has_its_customer"},
        ),
        ({"kind": "'robot'"}, {"kind_known"}),
        ({"kind": "null::varchar"}, {"kind_filled"}),
        ({"lifecycle_stage": "case when i > 0 then 'active' end"}, {"lifecycle_stage_filled"}),
        ({"lifecycle_stage": "'asleep'"}, {"lifecycle_stage_known"}),
        ({"is_customer": "null::boolean"}, {"is_customer_filled"}),
        ({"record_count": "7"}, {"record_count_agrees"}),
    ],
)
def test_broken_customers_block(marts, columns, rules):
    assert {r.rule for r in blocking_failures(check(marts(**columns), "customer", AS_OF))} == rules


@pytest.mark.parametrize(
    ("columns", "rule"),
    [
        ({"email": "'anna'"}, "email_shape"),
        ({"email": "null::varchar"}, "email_filled"),
        ({"phone": "'030 123'"}, "phone_shape"),
        ({"birth_date": "date '1870-01-01'"}, "birth_date_plausible"),
        ({"first_seen_at": "timestamp '2027-01-01'"}, "first_seen_at_plausible"),
        ({"became_customer_at": "null::timestamp"}, "customers_became_one"),
    ],
)
def test_poor_content_warns(marts, columns, rule):
    results = check(marts(**columns), "customer", AS_OF)
    assert [r.rule for r in results if not r.passed] == [rule] and blocking_failures(results) == []


def test_lost_customer_and_unknown_customer_block(marts):
    connection = marts()
    connection.execute("delete from marts.customer where customer_id = 'c_1'")
    connection.execute(
        "insert into marts.customer by name select 'c_9' as customer_id, * exclude (customer_id) "
        "from marts.customer where customer_id = 'c_2'"
    )
    failed = {r.rule: r.failed for r in blocking_failures(check(connection, "customer", AS_OF))}
    assert failed == {"every_customer_has_a_record": 1, "every_record_has_its_customer": 1}


def test_empty_customers_block_when_there_are_records_and_pass_when_there_are_none(marts):
    connection = marts()
    connection.execute("delete from marts.customer; delete from marts.customer_identity")
    assert "not_empty" in {r.rule for r in blocking_failures(check(connection, "customer", AS_OF))}
    connection.execute("delete from identity.identity_assignment")
    assert blocking_failures(check(connection, "customer", AS_OF)) == []


def test_borders_do_not_overwrite_each_other(marts, raw):
    connection = marts()
    check(connection, "customer", AS_OF)
    connection.execute("create schema raw")
    tables = raw.connection.execute("select table_name from duckdb_tables() where schema_name = 'raw'")
    for (name,) in tables.fetchall():
        connection.register("copied", raw.connection.execute(f"from raw.{name}").to_arrow_table())
        connection.execute(f"create table raw.{name} as select * from copied")
    check(connection, "raw", AS_OF)
    sources = connection.execute("select distinct source from quality.check_result order by 1").fetchall()
    assert len(read_results(connection, AS_OF)) == len(
        connection.execute("select * from quality.check_result").fetchall()
    )
    assert [s for (s,) in sources] == ["branch", "leads", "marts", "shop", "touchpoints", "webshop"]


def test_results_of_an_unchecked_border_or_day_are_refused(marts):
    connection = marts()
    check(connection, "customer", AS_OF)
    assert read_results(connection, AS_OF, ("customer",))
    with pytest.raises(UserError, match="checks of 2026-11-20 have not run at the border 'raw'"):
        read_results(connection, AS_OF)
    with pytest.raises(UserError, match="checks of 2026-11-21 have not run"):
        read_results(connection, date(2026, 11, 21), ("customer",))


def test_without_marts_there_is_a_clear_error():
    with pytest.raises(UserError, match="customer border cannot be checked yet"):
        check(duckdb.connect(), "customer", AS_OF)
