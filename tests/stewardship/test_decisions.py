"""Decisions of stewards: kept, contradicted, half written."""

import json
import os
import stat
from datetime import UTC, datetime, timedelta

import pytest

from ml.identity.decisions import DecisionError, append_decision, in_force, read_decisions

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
def decide(tmp_path):
    path = tmp_path / "home" / "decisions.jsonl"
    taken = []

    def take(action, a, b, reason="seen the papers"):
        taken.append(None)
        return append_decision(path, action, a, b, "kim", reason, NOON + timedelta(hours=len(taken)))

    take.path = path
    return take


def test_a_decision_is_kept_with_author_and_reason(decide):
    decision, told = decide("link", "web:2", "shop:1", 'moved, "new" e-mail – ü')
    log = read_decisions(decide.path)
    assert log.decisions == (decision,)
    assert (decision.record_id_a, decision.record_id_b) == ("shop:1", "web:2")
    assert (decision.author, decision.reason) == ("kim", 'moved, "new" e-mail – ü')
    assert told == []
    assert stat.S_IMODE(os.stat(decide.path).st_mode) == 0o600


def test_no_file_means_no_decisions(tmp_path):
    assert read_decisions(tmp_path / "decisions.jsonl").decisions == ()


def test_the_newest_decision_on_a_pair_counts_and_says_what_it_replaces(decide):
    first, _ = decide("link", "a", "b", "same phone")
    second, told = decide("unlink", "b", "a", "father and son")
    assert len(told) == 1
    assert "same phone" in told[0]
    found = in_force(read_decisions(decide.path).decisions)
    assert found.unlinks == {("a", "b"): second}
    assert found.links == {}
    assert found.superseded == {first.decision_id: second}


def test_an_unlink_against_a_chain_of_links_is_refused_and_names_the_chain(decide):
    decide("link", "a", "b")
    decide("link", "b", "c")
    with pytest.raises(DecisionError, match="a – b – c"):
        decide("unlink", "c", "a")
    assert len(read_decisions(decide.path).decisions) == 2


def test_a_link_that_closes_a_chain_across_an_unlink_is_refused(decide):
    decide("unlink", "a", "c")
    decide("link", "a", "b")
    with pytest.raises(DecisionError, match="a – b – c"):
        decide("link", "b", "c")
    decide("unlink", "a", "b")  # the chain is broken, so now it may
    decide("link", "b", "c")


def test_a_half_written_last_line_is_reported_and_the_next_decision_cuts_it_off(decide):
    kept, _ = decide("link", "a", "b")
    with decide.path.open("ab") as file:
        file.write(b'{"decision_id": "d_1", "acti')
    log = read_decisions(decide.path)
    assert log.decisions == (kept,)
    assert "half written" in log.warnings[0]
    new, told = decide("link", "c", "d")
    assert "half written" in told[0]
    after = read_decisions(decide.path)
    assert after.decisions == (kept, new)
    assert after.torn_line is None


def test_a_complete_last_line_without_line_end_is_a_decision(decide):
    kept, _ = decide("link", "a", "b")
    decide.path.write_bytes(decide.path.read_bytes().rstrip(b"\n"))
    new, _ = decide("link", "c", "d")
    assert read_decisions(decide.path).decisions == (kept, new)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"action": "merge"}, "neither link nor unlink"),
        ({"author": ""}, "'author' is missing"),
        ({"record_id_b": None}, "'record_id_b' is missing"),
        ({"decided_at": "yesterday"}, "yesterday"),
        ({"decided_at": "2026-11-01"}, "no time zone"),
    ],
)
def test_a_damaged_line_names_file_and_line(decide, change, message):
    decide("link", "a", "b")
    line = json.loads(decide.path.read_text())
    decide.path.write_text(json.dumps(line) + "\n" + json.dumps(line | change) + "\n")
    with pytest.raises(DecisionError, match=f"decisions.jsonl, line 2: .*{message}"):
        read_decisions(decide.path)


@pytest.mark.parametrize(
    ("action", "a", "b", "reason", "message"),
    [
        ("link", "a", "a", "x", "needs two"),
        ("link", "a", "b", "  ", "needs reason"),
        ("link", "a", "b", "x" * 2001, "needs reason"),
        ("join", "a", "b", "x", "no decision"),
    ],
)
def test_what_no_decision_is(decide, action, a, b, reason, message):
    with pytest.raises(DecisionError, match=message):
        decide(action, a, b, reason)
    assert not decide.path.exists()
