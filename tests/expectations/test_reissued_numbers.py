"""Numbers that a source gave to somebody else are a result of the check."""

from datetime import date

import duckdb

from expectations.identity import reissue_results

DAY = date(2026, 11, 1)


def test_reissued_numbers_are_reported_per_source_on_the_day_they_are_found():
    with duckdb.connect() as connection:
        assert reissue_results(connection, DAY) == []
        connection.execute("create schema identity")
        connection.execute("create table identity.identity_assignment (record_id varchar)")
        connection.execute("create table identity.reissued_record (record_id varchar, reissued_at timestamp)")
        connection.executemany(
            "insert into identity.identity_assignment values (?)", [["branch:1"], ["branch:2"], ["shop:1"]]
        )
        connection.executemany(
            "insert into identity.reissued_record values (?, ?)",
            [["branch:1", "2026-11-01"], ["shop:1", "2026-10-01"]],
        )
        branch, shop = reissue_results(connection, DAY)
    assert (branch.source, branch.table_name, branch.checked, branch.failed) == ("branch", "customer", 2, 1)
    assert (branch.severity, branch.passed) == ("warn", False)
    assert (shop.source, shop.failed, shop.passed) == ("shop", 0, True)
