"""The engine under the suites: chunks add up, exceptions are failures, the contract's verdict is kept."""

from datetime import date

import duckdb
import pandas as pd
import pytest

import expectations.engine as engine
from expectations.contract import contract_results
from expectations.engine import Checker, read_frames
from expectations.results import CheckResult, blocking_failures
from expectations.suites import rules

AS_OF = date(2026, 11, 20)


def test_chunks_add_up_to_the_whole(monkeypatch):
    connection = duckdb.connect()
    query = "select case when i % 10 = 0 then 'x' else 'a@b.de' end as email from range(10000) t(i)"
    monkeypatch.setattr(engine, "VECTORS_PER_CHUNK", 1)
    frames = list(read_frames(connection, query))
    assert len(frames) == 5 and sum(map(len, frames)) == 10_000
    suite = rules.suite(
        "s", rules.shaped("email", rules.EMAIL, 0.9), rules.shaped("email", rules.EMAIL, 0.95)
    )
    tolerant, strict = Checker().check("shop", "loyalty", iter(frames), suite)
    assert (tolerant.checked, tolerant.failed, tolerant.quality_pct) == (10_000, 1_000, 90.0)
    assert tolerant.passed and not strict.passed


def test_share_is_judged_over_all_chunks_not_per_chunk():
    bad, good = pd.DataFrame({"email": ["x"] * 10}), pd.DataFrame({"email": ["a@b.de"] * 990})
    suite = rules.suite("s", rules.shaped("email", rules.EMAIL, 0.99))
    (result,) = Checker().check("shop", "loyalty", iter([bad, good]), suite)
    assert result.passed and result.failed == 10


def test_exception_inside_the_library_is_a_failure_without_values():
    frame = pd.DataFrame({"email": ["secret@example.org"]})
    suite = rules.suite("s", rules.filled("no_such_column", severity="error"), rules.between("email", 0, 1))
    results = Checker().check("shop", "loyalty", iter([frame]), suite)
    assert [(r.passed, r.failed) for r in results] == [(False, 1), (False, 1)]
    assert all("the check itself failed (" in r.details and "secret" not in r.details for r in results)
    assert [r.rule for r in blocking_failures(results)] == ["no_such_column_filled"]


def test_exception_on_no_rows_is_a_failure_too():
    suite = rules.suite("s", rules.filled("no_such_column", severity="error"))
    (result,) = Checker().check("shop", "loyalty", iter([pd.DataFrame({"email": []})]), suite)
    assert not result.passed and result.checked == 0


@pytest.mark.parametrize(
    ("good", "quarantined", "severity", "passed"),
    [
        (100, 0, "warn", True),
        (100, 1, "warn", False),
        (200, 50, "warn", False),  # exactly 20 %
        (199, 50, "error", False),
        (100, 49, "warn", False),  # too few rows to judge
    ],
)
def test_contract_verdict(raw, good, quarantined, severity, passed):
    raw.load("leads", "leads", [{"lead_id": str(n)} for n in range(good)], quarantined=quarantined)
    (result,) = contract_results(raw.connection, AS_OF)
    assert result == CheckResult(
        "leads", "leads", "contract", severity, good + quarantined, quarantined,
        round(100 * good / (good + quarantined), 4), passed, result.details,
    )  # fmt: skip
    assert f"{quarantined} of {good + quarantined} rows in quarantine" in result.details


def test_bad_delivery_is_remembered_until_a_good_one_follows(raw):
    raw.load("leads", "leads", [], load_id="000001", quarantined=60, as_of=date(2026, 11, 18))
    assert blocking_failures(contract_results(raw.connection, AS_OF))
    assert contract_results(raw.connection, date(2026, 11, 17)) == []
    raw.load("leads", "leads", [], load_id="000002")  # a load of the source's other tables
    assert blocking_failures(contract_results(raw.connection, AS_OF))
    raw.load("leads", "leads", [{"lead_id": "1"}], load_id="000003")
    assert not blocking_failures(contract_results(raw.connection, AS_OF))


def test_refused_files_warn(raw):
    raw.load("leads", "leads", [{"lead_id": "1"}], refused=2)
    refused = contract_results(raw.connection, AS_OF)[1]
    assert (refused.rule, refused.severity, refused.checked, refused.failed, refused.passed) == (
        "files_refused", "warn", 3, 2, False,
    )  # fmt: skip
