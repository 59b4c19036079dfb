"""The consent ledger of the exports: opt-outs that vendors reported, erasures, proofs of re-subscription.

One append-only file, `exports/consent.sqlite`, for all destinations. Addresses stand in it as keyed hashes
only, so that they stay blocked after an erasure without being kept. The newest opt-out wins: only a double
opt-in that was confirmed later lifts it. Belongs here: what blocks a customer beyond `marts.consent`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb
import pyarrow as pa

from exports.engine.database import open_database, transaction
from exports.engine.destination import Suppression
from exports.engine.secret import address_hash, installation_key, keyed_hash
from stammkunde.errors import UserError
from stammkunde.home import Home

_SCHEMA = """
create table if not exists opt_out (
    opt_out_id integer primary key,
    destination text not null,
    event_id text not null,
    customer_id text,
    address_hash text,
    channel text not null,
    kind text not null,
    occurred_at text not null,
    received_at text not null,
    unique (destination, event_id)
);
create table if not exists resubscription (
    resubscription_id integer primary key,
    customer_id text not null,
    address_hash text not null,
    channel text not null,
    confirmed_at text not null,
    proof text not null,
    author text not null,
    recorded_at text not null
);
create table if not exists erasure (customer_id text primary key, key_hash text not null);
create table if not exists erased (key_hash text primary key);
create trigger if not exists opt_outs_stay before delete on opt_out
begin select raise(abort, 'opt-outs are never deleted'); end
"""


def instant(moment: datetime) -> str:
    """ISO 8601 in UTC to the microsecond, so that texts sort as the moments do."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class ConsentLedger:
    """`exports/consent.sqlite`. Close it after use."""

    def __init__(self, home: Home) -> None:
        self.key = installation_key(home)
        self.connection: sqlite3.Connection = open_database(home.exports / "consent.sqlite", _SCHEMA, 1)

    def close(self) -> None:
        self.connection.close()

    def version(self) -> tuple[int, ...]:
        """Another value after any change, of this process or another."""
        row = self.connection.execute(
            "select (select coalesce(max(opt_out_id), 0) from opt_out), "
            "(select coalesce(max(resubscription_id), 0) from resubscription), "
            "(select count(*) from erasure), (select count(*) from erased)"
        ).fetchone()
        return tuple(row)

    def add(
        self,
        destination: str,
        found: Sequence[tuple[Suppression, str | None]],
        received_at: datetime,
    ) -> int:
        """Adds suppressions, each with the customer it belongs to if known; returns how many are new."""
        rows = [
            (
                destination,
                item.event_id,
                customer_id or item.key,
                address_hash(self.key, item.identity) if item.identity else None,
                item.channel,
                item.kind,
                instant(item.occurred_at),
                instant(received_at),
            )
            for item, customer_id in found
        ]
        before = self.connection.total_changes
        with transaction(self.connection):
            self.connection.executemany(
                "insert into opt_out (destination, event_id, customer_id, address_hash, channel, kind, "
                "occurred_at, received_at) values (?, ?, ?, ?, ?, ?, ?, ?) on conflict do nothing",
                rows,
            )
        return self.connection.total_changes - before

    def resubscribe(
        self,
        customer_id: str,
        address: str,
        channel: str,
        confirmed_at: datetime,
        proof: str,
        author: str,
        recorded_at: datetime,
    ) -> int:
        """Records the proof of a double opt-in; returns how many opt-outs it lifts.

        Raises UserError when there is nothing to lift or the confirmation is older than the newest opt-out.
        """
        hashed = address_hash(self.key, address)
        times = self.connection.execute(
            "select occurred_at from opt_out where channel = ? and (customer_id = ? or address_hash = ?)",
            (channel, customer_id, hashed),
        ).fetchall()
        if not times:
            raise UserError(f"{customer_id}: no destination has reported an opt-out from {channel}")
        newest = max(time for (time,) in times)
        if instant(confirmed_at) <= newest:
            raise UserError(
                f"{customer_id}: the double opt-in of {instant(confirmed_at)} is older than the opt-out "
                f"of {newest}; the newest opt-out wins"
            )
        if confirmed_at > recorded_at:
            raise UserError(f"{customer_id}: the double opt-in lies in the future")
        with transaction(self.connection):
            self.connection.execute(
                "insert into resubscription (customer_id, address_hash, channel, confirmed_at, proof, "
                "author, recorded_at) values (?, ?, ?, ?, ?, ?, ?)",
                (customer_id, hashed, channel, instant(confirmed_at), proof, author, instant(recorded_at)),
            )
        return len(times)

    def queue_erasure(self, customer_ids: Iterable[str]) -> int:
        """Customers to be erased everywhere; returns how many are new in the queue."""
        before = self.connection.total_changes
        with transaction(self.connection):
            self.connection.executemany(
                "insert into erasure values (?, ?) on conflict do nothing",
                [(one, keyed_hash(self.key, one)) for one in customer_ids],
            )
        return self.connection.total_changes - before

    def erasures(self) -> list[str]:
        """Customers in the queue, sorted."""
        return [one for (one,) in self.connection.execute("select customer_id from erasure order by 1")]

    def forget(self, customer_ids: Iterable[str]) -> None:
        """Every destination has erased them: only keyed hashes stay, so that they are never sent again."""
        with transaction(self.connection):
            for one in customer_ids:
                hashed = keyed_hash(self.key, one)
                self.connection.execute("insert or ignore into erased values (?)", (hashed,))
                self.connection.execute("delete from erasure where customer_id = ?", (one,))
                # The opt-out stays with the hash of the address; the id of an erased person goes.
                self.connection.execute("update opt_out set customer_id = null where customer_id = ?", (one,))
                self.connection.execute("delete from resubscription where customer_id = ?", (one,))

    def gate(self) -> Gate:
        """What blocks at this moment."""
        return Gate(
            self.key,
            self.connection.execute(
                "select customer_id, address_hash, channel, kind, occurred_at from opt_out"
            ).fetchall(),
            self.connection.execute(
                "select customer_id, address_hash, channel, confirmed_at from resubscription"
            ).fetchall(),
            self.connection.execute(
                "select key_hash from erasure union select key_hash from erased"
            ).fetchall(),
        )


@dataclass(frozen=True)
class Gate:
    """The ledger as SQL conditions: `register` puts its tables into a DuckDB connection."""

    key: str
    opt_outs: list[tuple[str | None, str | None, str, str, str]]
    resubscriptions: list[tuple[str, str, str, str]]
    erased_hashes: list[tuple[str]]

    def register(self, connection: duckdb.DuckDBPyConnection, channel: str) -> None:
        """Makes `blocked_customer`, `blocked_address`, `erased_customer`.

        An unsubscription or a complaint blocks the customer and the address; a bounce only the address.
        """
        lifted: dict[str, str] = {}
        for customer_id, hashed, its_channel, confirmed_at in self.resubscriptions:
            if its_channel == channel:
                for one in (customer_id, hashed):
                    lifted[one] = max(lifted.get(one, ""), confirmed_at)
        customers, addresses = set(), set()
        for customer_id_, hashed_, its_channel, kind, occurred_at in self.opt_outs:
            if its_channel != channel:
                continue
            if hashed_ and lifted.get(hashed_, "") <= occurred_at:
                addresses.add(hashed_)
            is_personal = kind != "bounce" or not hashed_
            if customer_id_ and is_personal and lifted.get(customer_id_, "") <= occurred_at:
                customers.add(customer_id_)
        for name, values in (
            ("blocked_customer", sorted(customers)),
            ("blocked_address", sorted(addresses)),
            ("erased_customer", sorted(one for (one,) in self.erased_hashes)),
        ):
            connection.register(name, pa.table({"value": pa.array(values, pa.string())}))

    def opted_out(self, customer_id: str, address: str) -> str:
        """SQL condition over two SQL expressions."""
        parts = []
        if self.opt_outs:
            parts.append(f"{customer_id} in (select value from blocked_customer)")
            hashed = f"sha256('{self.key}' || lower(trim({address})))"
            parts.append(f"coalesce({hashed} in (select value from blocked_address), false)")
        return f"({' or '.join(parts)})" if parts else "false"

    def erased(self, customer_id: str) -> str:
        """SQL condition over a SQL expression."""
        if not self.erased_hashes:
            return "false"
        return f"sha256('{self.key}' || {customer_id}) in (select value from erased_customer)"


def queue_erasure(home: Home, customer_ids: Iterable[str]) -> int:
    """Has customers erased at every destination that may know them, before anything else of the next run.

    From now on none of them is sent. Returns how many are new in the queue. The addresses come from the
    destinations' own ledgers, so it does not matter whether the warehouse has forgotten them already.
    """
    with closing(ConsentLedger(home)) as ledger:
        return ledger.queue_erasure(customer_ids)
