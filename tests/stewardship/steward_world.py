"""A small schema `identity` with people in it, as matching leaves it, and decisions on them."""

from datetime import UTC, datetime, timedelta

import duckdb

from ml.identity.decisions import Decision
from ml.identity.resolve import resolve_identity

START = datetime.fromisoformat("2024-01-01")
KEYS = (
    "kind", "first_key", "last_key", "company_key", "birth_key", "email_key", "phone_key", "mobile_key",
    "card_key", "vat_key", "postal_key", "street_key", "house_no_key",
)  # fmt: skip
RAW = {"first_key": "first_name", "last_key": "last_name", "email_key": "email", "phone_key": "phone"}


class World:
    """Records by id; `people` may give each values of `KEYS`. Run it with `resolve`."""

    def __init__(self):
        self.connection = duckdb.connect()
        self.connection.execute("create schema identity")
        self.decisions = []

    def write(self, people, edges=(), vetoes=()):
        """People: ids, or id → values; edges (a, b) or (a, b, probability[, rule]); vetoes (a, b)."""
        if not isinstance(people, dict):
            people = {record: {} for record in people}
        columns = ", ".join(f"{key} varchar" for key in KEYS)
        names = ", ".join(f"{name} varchar" for name in RAW.values())
        for table, spec in {
            "int_source_records": f"record_id varchar, created_at timestamp, kind varchar, {names}",
            "int_records_normalised": f"record_id varchar, source_system varchar, {columns}",
            "int_record_keys": f"record_id varchar, representative_id varchar, {columns}",
            "pair_score": (
                "record_id_a varchar, record_id_b varchar, main_evidence varchar, "
                "match_probability double, veto varchar"
            ),
            "matching_run": "version varchar, threshold double, vetoes varchar[]",
        }.items():
            self.connection.execute(f"create or replace table identity.{table} ({spec})")
        for hour, (record, values) in enumerate(people.items()):
            keys = [values.get(key, "person" if key == "kind" else None) for key in KEYS]
            raw = [values.get(key) for key in RAW]
            self._insert("int_source_records", [record, START + timedelta(hours=hour), keys[0], *raw])
            self._insert("int_records_normalised", [record, record.split(":")[0], *keys])
            self._insert("int_record_keys", [record, record, *keys])
        self._insert("matching_run", ["test", 0.5, []])
        scores = {}
        for a, b, *rest in edges:
            probability, rule = (*rest, "name_and_address")[:2] if rest else (0.96, "name_and_address")
            if rule == "same_content":
                self._stand_for(min(a, b), max(a, b))
            else:
                scores[min(a, b), max(a, b)] = [rule, probability, None]
        for a, b in vetoes:
            scores.setdefault((min(a, b), max(a, b)), ["nothing much", 0.0, None])[2] = "other_birth_date"
        for pair, score in scores.items():
            self._insert("pair_score", [*pair, *score])
        return self

    def score(self, *pairs, threshold=0.9, version="v1"):
        """Pairs (a, b, probability[, veto]) in place of those there are."""
        self.connection.execute("delete from identity.pair_score; delete from identity.matching_run")
        self._insert("matching_run", [version, threshold, []])
        for a, b, probability, *veto in pairs:
            self._insert("pair_score", [a, b, "name", probability, *(veto or [None])])
        return self

    def _stand_for(self, representative, record):
        self.connection.execute(
            "update identity.int_record_keys set representative_id = ? where record_id = ?",
            [representative, record],
        )

    def decide(self, action, a, b, day=0):
        first, second = sorted((a, b))
        number = len(self.decisions)
        decided_at = (START + timedelta(days=day)).replace(tzinfo=UTC)
        self.decisions.append(
            Decision(f"d_{number}", action, first, second, "kim", "seen the papers", decided_at)
        )

    def resolve(self, day=0, stability=None):
        return resolve_identity(
            self.connection,
            (START + timedelta(days=day)).date(),
            decisions=self.decisions,
            stability=stability,
        )

    def query(self, sql, *values):
        return self.connection.execute(sql, list(values)).fetchall()

    def ids(self):
        return dict(self.query("select record_id, customer_id from identity.identity_assignment"))

    def parts(self):
        groups = {}
        for record, customer in self.ids().items():
            groups.setdefault(customer, set()).add(record)
        return {frozenset(group) for group in groups.values()}

    def events(self):
        """(event, customer_id, previous_customer_id, cause) in order."""
        return self.query(
            "select event, customer_id, previous_customer_id, cause "
            "from identity.customer_id_event order by event_no"
        )

    def _insert(self, table, row):
        self.connection.execute(
            f"insert into identity.{table} values ({', '.join('?' * len(row))})", list(row)
        )


def parts(*groups):
    return {frozenset(group.split()) for group in groups}
