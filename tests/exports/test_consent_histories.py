"""From statements to the gate: 12,000 random histories, merged at random, against the rule in plain words.

The model `int_consent` and the gate run as they are; so a hole in either is a difference here.
"""

from __future__ import annotations

import random
import re
from datetime import datetime, timedelta

import duckdb
import pytest

from exports.consent import consent_decisions
from stammkunde.home import PROJECT_ROOT

SEED = 20261122
CUSTOMERS = 12_000
CHANNELS = ("email", "phone", "post")
START = datetime.fromisoformat("2024-01-01")
MODEL = PROJECT_ROOT / "dbt" / "models" / "intermediate" / "golden" / "int_consent.sql"

Statement = tuple[str, str, str | None, str, bool, datetime | None]
"""Record, channel, address, status, double opt-in, time."""


def history(generator: random.Random, record: str) -> list[Statement]:
    statements = []
    for _ in range(generator.choice((0, 1, 1, 2, 3))):
        channel = generator.choice(CHANNELS)
        status = generator.choice(("granted", "withdrawn", "unknown"))
        confirmed = channel == "email" and status == "granted" and generator.random() < 0.5
        # Few days and addresses, so that equal ones meet.
        at = None if generator.random() < 0.1 and not confirmed else START + timedelta(generator.randrange(4))
        statements.append((record, channel, generator.choice(("a", "b", None)), status, confirmed, at))
    return statements


def world() -> dict[str, list[Statement]]:
    """Every customer is one to three records whose histories have nothing to do with each other."""
    generator = random.Random(SEED)
    result: dict[str, list[Statement]] = {}
    for number in range(CUSTOMERS):
        records = [f"r{number}_{i}" for i in range(generator.choice((1, 2, 2, 3)))]
        result[f"c{number}"] = [s for record in records for s in history(generator, record)]
    return result


def rule(statements: list[Statement], channel: str) -> str:
    """A withdrawal of any record wins, unless the owner of the same address confirmed later; else a grant."""
    mine = [s for s in statements if s[1] == channel]

    def lifted(withdrawal: Statement) -> bool:
        _, _, address, _, _, at = withdrawal
        return (
            at is not None
            and address is not None
            and any(s[4] and s[2] == address and s[5] is not None and s[5] > at for s in mine)
        )

    if any(s[3] == "withdrawn" and not lifted(s) for s in mine):
        return "withdrawn"
    return "granted" if any(s[3] == "granted" for s in mine) else "unknown"


def decided(customers: dict[str, list[Statement]], model: str) -> dict[str, dict[str, str]]:
    """channel → customer → what the gate says."""
    names = {"int_consent_records": "statement"}
    sql = re.sub(r"\{\{ ref\(\"(\w+)\"\) \}\}", lambda found: names[found[1]], model)
    sql = re.sub(r"\{\{ source\(\"identity\", \"(\w+)\"\) \}\}", r"\1", sql)
    evidence = ["source_system", "source_record_id", "text_version", "double_opt_in_at", "ip_hash"]
    rows = [(c, s[0], *s[1:]) for c, statements in customers.items() for s in statements]
    with duckdb.connect() as connection:
        connection.execute("create table identity_assignment (customer_id varchar); create schema marts")
        connection.execute("insert into identity_assignment select unnest(?)", [list(customers)])
        connection.execute(
            "create table statement as select row[1] as customer_id, row[2] as evidence, row[3] as channel, "
            "row[4] as address, row[5] as status, row[6]::boolean as is_double_opt_in, "
            f"row[7]::timestamp as recorded_at, {', '.join(f'null as {e}' for e in evidence)} "
            "from (select unnest(?::varchar[][]) as row)",
            [[[None if v is None else str(v) for v in row] for row in rows]],
        )
        connection.execute(f"create table marts.consent as {sql}")
        connection.execute("create table marts.customer as from identity_assignment")
        tables = {c: consent_decisions(connection, c, "marketing").to_pylist() for c in CHANNELS}
    return {c: {row["customer_id"]: row["decision"] for row in rows} for c, rows in tables.items()}


def differences(customers: dict[str, list[Statement]], model: str) -> list[tuple[str, str, str]]:
    found = decided(customers, model)
    return [
        (customer, channel, found[channel][customer])
        for customer, statements in customers.items()
        for channel in CHANNELS
        if found[channel][customer] != rule(statements, channel)
    ]


def test_what_the_gate_says_of_twelve_thousand_histories() -> None:
    customers = world()
    assert len(customers) >= 10_000
    said = [rule(statements, channel) for statements in customers.values() for channel in CHANNELS]
    assert min(said.count(answer) for answer in ("granted", "withdrawn", "unknown")) > 1_000
    print(f"seed {SEED}: {len(said):,} decisions on {len(customers):,} histories")
    assert differences(customers, MODEL.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("right", "hole"),
    [
        ("when 'withdrawn' then 1 when 'granted' then 2", "when 'withdrawn' then 2 when 'granted' then 1"),
        (
            "order by restriction_rank asc, recorded_at desc",
            "order by recorded_at desc, restriction_rank asc",
        ),
        ("and statements.address = double_opt_ins.address", ""),
        ("where is_double_opt_in and status = 'granted'", "where status = 'granted'"),
        ("or statements.recorded_at is null", ""),
        ("confirmed_at <= statements.recorded_at", "confirmed_at < statements.recorded_at"),
        ("coalesce(ranked.status, 'unknown')", "coalesce(ranked.status, 'granted')"),
        ("and statements.channel = double_opt_ins.channel", "and true"),
    ],
)
def test_every_hole_in_the_model_is_noticed(right: str, hole: str) -> None:
    model = MODEL.read_text(encoding="utf-8")
    assert right in model
    some = dict(list(world().items())[:3_000])
    # The last hole is none while only e-mail is confirmed, so one who confirms a call is added.
    some["c_extra"] = [("r", "email", "a", "withdrawn", False, START),
                       ("q", "phone", "a", "granted", True, START + timedelta(1))]  # fmt: skip
    assert differences(some, model.replace(right, hole, 1))
