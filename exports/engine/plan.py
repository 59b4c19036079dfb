"""The plan: what has to happen at the destination so that it holds what the sync selects.

Belongs here: the comparison with what the destination acknowledged. Does not belong here: guards
(`exports/engine/guards.py`), telling it (`exports/engine/report.py`), sending.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import duckdb
import pyarrow as pa

from exports.engine.destination import Capabilities, Operation
from exports.engine.ledger import PRIORITY, Ledger
from exports.engine.optouts import Gate
from exports.engine.removals import plan_removals
from exports.engine.rows import build_rows
from exports.select import SEND, check_columns, select_customers
from exports.sync import Sync

_CHUNK = 50_000
_SAMPLES = 5


@dataclass(frozen=True)
class Plan:
    """What a run would do. Holds ids and names of fields, never values.

    `counts`: rows by operation and reason. `excluded`: customers held back by verdict. `samples`: a few rows
    of each (operation, reason, key, changed fields). `digest` tells two plans apart; `basis` what they were
    made from.
    """

    sync: str
    destination: str
    basis: dict[str, str]
    selected: int
    acknowledged: int
    excluded: dict[str, int]
    counts: dict[str, int]
    unchanged: int
    quarantined: int
    samples: list[tuple[str, str, str, str]]
    digest: str
    tripped: list[str] = field(default_factory=list)

    @property
    def plan_id(self) -> str:
        """Twelve digits that name the plan: same basis and same rows, same id."""
        content = json.dumps([self.sync, self.basis, self.digest], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:12]

    @property
    def planned(self) -> int:
        """Rows that would be sent."""
        return sum(self.counts.values())

    def of(self, *operations: str) -> int:
        """Rows of these operations."""
        return sum(count for name, count in self.counts.items() if name.split(":")[0] in operations)

    def to_json(self) -> str:
        return json.dumps({"plan_id": self.plan_id, **asdict(self)}, indent=1)


def make_plan(
    connection: duckdb.DuckDBPyConnection,
    sync: Sync,
    ledger: Ledger,
    gate: Gate,
    capabilities: Capabilities,
    published_version: str,
    key: str,
    retry_rejected: bool = False,
) -> Plan:
    """Compares; leaves the rows to be sent in the temporary table `planned` of the connection.

    `retry_rejected` sends again what the destination refused although nothing has changed.
    """
    columns = check_columns(connection, sync)
    excluded = select_customers(connection, sync, gate, capabilities.keyed_by == "identity")
    selected = excluded.pop(SEND)
    build_rows(connection, sync, columns, key)
    acknowledged = _load(connection, sync, ledger)
    _plan_upserts(connection, sync, capabilities, retry_rejected)
    plan_removals(connection, sync, capabilities, gate)
    rows = connection.execute(
        "select operation || ':' || reason as name, count(*) from planned group by all order by name"
    ).fetchall()
    digest = connection.execute(
        "select coalesce(sum(hash(key, operation, coalesce(row_hash, ''))), 0)::varchar || '/' || count(*) "
        "from planned"
    ).fetchone()
    unchanged = connection.execute(
        "select count(*) filter (where verdict = 'unchanged'), "
        "count(*) filter (where verdict = 'quarantined') from compared"
    ).fetchone()
    assert digest is not None and unchanged is not None
    consent_rows = (len(gate.opt_outs), len(gate.resubscriptions), len(gate.erased_hashes))
    return Plan(
        sync=sync.name,
        destination=str(sync.destination),
        basis={
            "published_version": published_version,
            "mapping_version": sync.mapping_version,
            "definition": hashlib.sha256(sync.model_dump_json().encode()).hexdigest()[:12],
            "consent_ledger": "/".join(map(str, consent_rows)),
        },
        selected=selected,
        acknowledged=acknowledged,
        excluded={verdict: count for verdict, count in excluded.items() if count},
        counts=dict(rows),
        unchanged=unchanged[0],
        quarantined=unchanged[1],
        samples=_samples(connection, sync),
        digest=digest[0],
    )


def _load(connection: duckdb.DuckDBPyConnection, sync: Sync, ledger: Ledger) -> int:
    """Registers the ledger's `contact` and `rejected` rows of the sync; returns contacts present."""
    for table, query, names in (
        ("contact", "select key, state, row_hash, field_hashes, identity, remote_id, is_owned from contact "
         "where sync = ?", ("key", "state", "row_hash", "field_hashes", "identity", "remote_id", "is_owned")),
        ("rejected", "select key, operation, row_hash from rejected where sync = ?",
         ("key", "operation", "row_hash")),
    ):  # fmt: skip
        schema = pa.schema([(name, pa.int64() if name == "is_owned" else pa.string()) for name in names])
        connection.execute(
            f"create or replace temp table {table} "
            f"({', '.join(f'{n} bigint' if n == 'is_owned' else f'{n} varchar' for n in names)})"
        )
        cursor = ledger.connection.execute(query, (sync.name,))
        while chunk := cursor.fetchmany(_CHUNK):
            arrays = [pa.array(c, f.type) for c, f in zip(zip(*chunk, strict=True), schema, strict=True)]
            connection.register("_chunk", pa.Table.from_arrays(arrays, schema=schema))
            connection.execute(f"insert into {table} select * from _chunk")
            connection.unregister("_chunk")
    found = connection.execute("select count(*) from contact where state = 'present'").fetchone()
    assert found is not None
    return int(found[0])


def _plan_upserts(
    connection: duckdb.DuckDBPyConnection, sync: Sync, capabilities: Capabilities, retry_rejected: bool
) -> None:
    restore = Operation.RESTORE if Operation.RESTORE in capabilities.operations else Operation.UPSERT
    channel = sync.consent.channel
    connection.execute(
        f"""
        create or replace temp table compared as
        select
            wanted.*,
            contact.identity as acknowledged_identity,
            contact.remote_id,
            contact.field_hashes as old_field_hashes,
            case
                when contact.state = 'present' and contact.row_hash = wanted.row_hash then 'unchanged'
                when rejected.row_hash = wanted.row_hash and not {str(retry_rejected).lower()}
                    then 'quarantined'
                when contact.key is null then 'new'
                when contact.state in ('archived', 'merged') then 'back'
                when contact.state = 'withdrawn' then 'consent given again'
                else 'changed'
            end as verdict
        from wanted
        left join contact on wanted.key = contact.key
        left join rejected on wanted.key = rejected.key and rejected.operation in ('upsert', 'restore')
        """
    )
    connection.execute(
        f"""
        create or replace temp table planned as
        select
            key,
            case when verdict = 'back' then '{restore}' else 'upsert' end as operation,
            verdict as reason,
            payload,
            row_hash,
            field_hashes,
            identity,
            case when acknowledged_identity <> identity then acknowledged_identity end as previous_identity,
            remote_id,
            null::varchar as into_key,
            '{channel}' as channel
        from compared
        where verdict not in ('unchanged', 'quarantined')
        """
    )


def planned_rows(
    connection: duckdb.DuckDBPyConnection, sync: str, run_id: int
) -> Iterator[list[tuple[Any, ...]]]:
    """The planned rows in the order and columns of the outbox, in chunks."""
    priorities = " ".join(f"when '{operation}' then {value}" for operation, value in PRIORITY.items())
    reader = connection.execute(
        f"select {run_id}, '{sync}', key, operation, case operation {priorities} end as priority, reason, "
        "payload, row_hash, field_hashes, identity, previous_identity, remote_id, into_key, channel "
        "from planned order by priority, key"
    ).to_arrow_reader(_CHUNK)
    for batch in reader:
        yield list(zip(*(column.to_pylist() for column in batch.columns), strict=True))


def _samples(connection: duckdb.DuckDBPyConnection, sync: Sync) -> list[tuple[str, str, str, str]]:
    names = [mapped.field for column, mapped in sync.mapping.items() if column != sync.key]
    rows = connection.execute(
        f"""
        select planned.operation, planned.reason, planned.key, planned.field_hashes, compared.old_field_hashes
        from planned
        left join compared on planned.key = compared.key
        qualify row_number() over (partition by operation, reason order by planned.key) <= {_SAMPLES}
        order by 1, 2, 3
        """
    ).fetchall()
    samples = []
    for operation, reason, key, new, old in rows:
        changed = ""
        if new and old and len(new) == len(old):
            changed = ", ".join(
                name for i, name in enumerate(names) if new[4 * i : 4 * i + 4] != old[4 * i : 4 * i + 4]
            )
        samples.append((operation, reason, key, changed))
    return samples
