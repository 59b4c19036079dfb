"""Loads beside the loads before them: what is unusual is said, what is usual is not."""

from datetime import date, timedelta

import pytest

from expectations.results import CheckResult
from expectations.robust import count_deviation, deviation, share_deviation
from expectations.run import check
from expectations.settings import QualitySettings, read_quality_settings
from stammkunde.errors import ConfigError

FIRST = date(2026, 10, 1)
USUAL = [100, 104, 97, 101, 95, 103, 99, 102]


def members(count: int, load: int, **changes: object) -> list[dict]:
    return [
        {
            "member_no": f"M{load}-{n}",
            "email": f"a{load}-{n}@example.org",
            "country": "DE",
            "store_id": "1",
            **changes,
        }
        for n in range(count)
    ]


def deliver(raw, counts=USUAL, **changes) -> date:
    """One load a day; the changes are those of the last one. Returns its day."""
    for number, count in enumerate(counts):
        last = number == len(counts) - 1
        rows = members(count, number, **(changes if last else {}))
        raw.load("shop", "loyalty", rows, f"{number + 1:06d}", as_of=FIRST + timedelta(number))
    return FIRST + timedelta(len(counts) - 1)


def judged(raw, day: date, settings: QualitySettings | None = None) -> dict[str, CheckResult]:
    results = check(raw.connection, "history", day, settings=settings)
    return {r.rule: r for r in results if r.table_name == "loyalty"}


def failed(raw, day: date) -> list[str]:
    return sorted(rule for rule, result in judged(raw, day).items() if not result.passed)


def test_a_usual_load_is_not_remarked_on(raw):
    assert failed(raw, deliver(raw)) == []


@pytest.mark.parametrize(
    ("counts", "changes", "rule", "said"),
    [
        ([*USUAL, 12], {}, "row_count_as_usual", "12 rows, usually"),
        ([*USUAL, 900], {}, "row_count_as_usual", "900 rows, usually"),
        ([*USUAL, 100], {"email": None}, "nulls_as_usual", "email 100.0 % empty, usually 0.0 %"),
        ([*USUAL, 100], {"country": "XX"}, "categories_known", "country: 1 new codes"),
    ],
)
def test_each_oddity_is_named(raw, counts, changes, rule, said):
    day = deliver(raw, counts, **changes)
    assert failed(raw, day) == [rule]
    found = judged(raw, day)[rule]
    assert said in found.details and found.severity == "warn"


def test_more_quarantine_than_usual_is_named(raw):
    day = deliver(raw) + timedelta(1)
    raw.load("shop", "loyalty", members(60, 99), "000099", quarantined=40, as_of=day)
    assert judged(raw, day)["quarantine_as_usual"].details == "40.0 % in quarantine, usually 0.0 %"
    assert "quarantine_as_usual" in failed(raw, day)


def test_a_late_source_is_named_and_a_punctual_one_is_not(raw):
    last = deliver(raw)
    assert failed(raw, last + timedelta(3)) == []
    assert failed(raw, last + timedelta(9)) == ["delivered_on_time"]
    assert judged(raw, last + timedelta(9))["delivered_on_time"].details == (
        "last delivery 9 days ago, usually every 1 days"
    )


def test_without_enough_history_nothing_is_claimed(raw):
    day = deliver(raw, [100, 900])
    results = judged(raw, day)
    assert all(r.passed and r.checked == 0 and "7 are needed" in r.details for r in results.values())


def test_an_odd_load_does_not_spoil_the_history(raw):
    """The first load of a database is its whole past; days after it are still judged by days."""
    assert failed(raw, deliver(raw, [50_000, *USUAL, 12])) == ["row_count_as_usual"]


def test_a_full_reading_is_no_delivery(raw):
    day = deliver(raw)
    raw.load("shop", "loyalty", members(9000, 99), "000099", as_of=day)
    raw.connection.execute("update raw.ingestion_load set is_full = true where load_id = '000099'")
    assert failed(raw, day) == []


def test_loads_are_profiled_once(raw):
    day = deliver(raw)
    said: list[str] = []
    check(raw.connection, "history", day, say=said.append)
    assert len(said) == len(USUAL)
    check(raw.connection, "history", day, say=said.append)
    assert len(said) == len(USUAL)


def test_severity_of_a_rule_can_be_set(raw):
    day = deliver(raw, [*USUAL, 12])
    settings = QualitySettings(severities={"shop.*.row_count_as_usual": "error"})
    assert judged(raw, day, settings)["row_count_as_usual"].severity == "error"
    assert judged(raw, day, settings)["nulls_as_usual"].severity == "warn"


def test_settings_are_checked(tmp_path):
    assert read_quality_settings() == QualitySettings()
    path = tmp_path / "data_quality.yml"
    path.write_text("history: {treshold: 3}\n")
    with pytest.raises(ConfigError, match=r"unknown key 'history\.treshold'; did you mean 'threshold'"):
        read_quality_settings(path)
    path.write_text("severities: {email_filled: error}\n")
    with pytest.raises(ConfigError, match=r"'email_filled' is not source\.table\.rule"):
        read_quality_settings(path)


def test_the_statistic_is_the_modified_z_score():
    # Iglewicz and Hoaglin: 0.6745 (x - median) / MAD; here median 3, MAD 1.
    found = deviation([1, 2, 3, 4, 5], 10, noise=0.01)
    assert found.median == 3 and found.score == pytest.approx(0.6745 * 7, rel=1e-4)


def test_a_constant_history_tolerates_what_sampling_explains():
    assert abs(count_deviation([10_000] * 10, 10_150).score) < 2
    assert count_deviation([10_000] * 10, 5_000).score < -3.5
    assert abs(share_deviation([0.0] * 10, 1, 1000).score) < 3.5
    assert share_deviation([0.0] * 10, 50, 1000).score > 3.5


@pytest.mark.parametrize(("history", "noise"), [([], 1.0), ([1.0], 0.0)])
def test_nonsense_is_refused(history, noise):
    with pytest.raises(ValueError):
        deviation(history, 1.0, noise)
