"""The circuit breaker: a run that would change too many customer ids is stopped before it does.

Belongs here: how much change is too much, and the message. Does not belong here: what a change is
(`registry.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
from pydantic import Field

from stammkunde.errors import BlockedError
from stammkunde.settings import Section


class Stability(Section):
    """A run may change `maximum_changed_share` (0–1) of the existing ids; `tolerated_ids` are always allowed.

    Changed is an id that merges into another, ends, or loses records to a new one.
    """

    maximum_changed_share: float = Field(default=0.05, ge=0, le=1)
    tolerated_ids: int = Field(default=20, ge=0)


@dataclass(frozen=True)
class Change:
    """Existing ids before a run, and how many of them it merges, splits and ends."""

    existing: int
    merged: int
    split: int
    erased: int
    changed: int
    """Different ids of these three."""

    @property
    def share(self) -> float:
        return self.changed / self.existing if self.existing else 0.0


def measure_change(connection: duckdb.DuckDBPyConnection) -> Change:
    """Counts what `new_event` does to the ids of `identity.identity_assignment`, before it is replaced."""
    row = connection.execute(
        """
        with touched as (
            select event, case event when 'erased' then customer_id else previous_customer_id end as old_id
            from new_event
            where event <> 'created'
        )
        select
            (select count(distinct customer_id) from identity.identity_assignment),
            count(distinct old_id) filter (where event = 'merged'),
            count(distinct old_id) filter (where event = 'split'),
            count(distinct old_id) filter (where event = 'erased'),
            count(distinct old_id)
        from touched
        """
    ).fetchall()[0]
    return Change(*map(int, row))


def refuse_too_much(change: Change, stability: Stability) -> None:
    """Raises BlockedError when the change is more than the settings allow. The first run changes no id."""
    if change.changed <= stability.tolerated_ids or change.share <= stability.maximum_changed_share:
        return
    raise BlockedError(
        f"Identity is as it was: this run would change {change.changed:,} of {change.existing:,} customer ids"
        f" ({change.share:.1%}; allowed {stability.maximum_changed_share:.1%}): {change.merged:,} merge,"
        f" {change.split:,} split, {change.erased:,} end. See them with 'stammkunde preview'. If that is"
        " meant, run 'stammkunde run --accept-identity-changes'; the limit is stability.maximum_changed_share"
        " in config/stewardship.yml."
    )
