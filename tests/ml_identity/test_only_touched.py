"""Resolving what changes reach gives what resolving everything gives."""

import random
from datetime import date, timedelta

import duckdb
import pytest
from identity_world import identity_world

from ml.identity.resolve import resolve_identity

START = date(2026, 1, 1)
TABLES = (
    "identity_assignment",
    "customer_id_event",
    "customer_id_successor",
    "review_candidate",
    "record_state",
)
ORDER = {"customer_id_event": "event_no"}


class Day:
    """Records and scored pairs that change from day to day; `apply` writes them into a world."""

    def __init__(self, seed, count=60):
        self.random = random.Random(seed)
        self.names = {f"r{i:03d}": 0 for i in range(count)}
        self.pairs = {}
        for _ in range(2 * count):
            self._pair(*self.random.sample(sorted(self.names), 2))
        self.touched, self.changed_pairs = set(), set()

    def _pair(self, a, b):
        key = (min(a, b), max(a, b))
        self.pairs[key] = (
            self.random.choice([0.05, 0.3, 0.45, 0.55, 0.8, 0.97, 0.999]),
            self.random.random() < 0.15,
        )
        return key

    def pass_by(self):
        """A few records are new, changed or gone, and with them their pairs."""
        self.touched, self.changed_pairs = set(), set()
        for _ in range(self.random.randint(0, 3)):
            name = self.random.choice([*self.names, f"r{self.random.randint(100, 199)}"])
            self.touched.add(name)
            for key in [key for key in self.pairs if name in key]:
                del self.pairs[key]
                self.changed_pairs.add(key)
            if name in self.names and self.random.random() < 0.4:
                del self.names[name]
                continue
            self.names[name] = self.names.get(name, 0) + 1
            others = [other for other in sorted(self.names) if other != name]
            for other in self.random.sample(others, self.random.randint(0, 3)):
                self.changed_pairs.add(self._pair(name, other))

    def apply(self, connection):
        edges = [(a, b, "name", p) for (a, b), (p, veto) in self.pairs.items() if not veto]
        identity_world(
            sorted(self.names), edges, [k for k, (_, veto) in self.pairs.items() if veto], connection
        )
        connection.execute(
            "alter table identity.int_source_records add column if not exists last_name varchar"
        )
        for name, version in self.names.items():
            connection.execute(
                "update identity.int_source_records set last_name = ? where record_id = ?",
                [f"v{version}", name],
            )
        for table, columns, rows in (
            ("rescored_pair", "record_id_a varchar, record_id_b varchar", self.changed_pairs),
            ("int_touched_records", "record_id varchar", [(name,) for name in self.touched]),
        ):
            connection.execute(f"create or replace table identity.{table} ({columns})")
            for row in sorted(rows):
                connection.execute(
                    f"insert into identity.{table} values ({', '.join('?' * len(row))})", list(row)
                )


def content(connection):
    return {
        table: connection.execute(
            f"select * from identity.{table} order by {ORDER.get(table, 'all')}"
        ).fetchall()
        for table in TABLES
    }


@pytest.mark.parametrize("seed", range(12))
def test_days_of_changes_give_the_same_tables(seed):
    days, partly, whole = Day(seed), duckdb.connect(), duckdb.connect()
    for number in range(8):
        if number:
            days.pass_by()
        for connection, only_touched in ((partly, number > 0), (whole, False)):
            days.apply(connection)
            resolve_identity(connection, START + timedelta(days=number), only_touched=only_touched)
        assert content(partly) == content(whole), f"day {number}"
