"""Guards: a run that would change far more than usual stops before it begins.

A source table that was truncated by mistake looks like customers who left. Opt-outs that somebody stated and
erasures are exempt; everything that only follows from missing rows is not.
"""

from __future__ import annotations

from exports.engine.plan import Plan
from exports.sync import Sync
from stammkunde.errors import UserError


class GuardTripped(UserError):
    """The breaker is open: nothing but opt-outs and erasures has been sent."""


def tripped(sync: Sync, plan: Plan, selected_before: int | None) -> list[str]:
    """What is abnormal about a plan, in sentences; empty if nothing is.

    `selected_before` is the number of customers that the last finished run of this mapping selected.
    """
    guards = sync.guards
    aside = sum(
        count
        for name, count in plan.counts.items()
        if name.split(":")[0] in ("delete", "archive", "withdraw") and not name.endswith(":consent withdrawn")
    )
    created = plan.counts.get("upsert:new", 0)
    found = []
    if guards.max_deletes is not None and aside > guards.max_deletes:
        found.append(f"{aside:,} contacts would be removed; guards.max_deletes is {guards.max_deletes:,}")
    if guards.max_creates is not None and created > guards.max_creates:
        found.append(f"{created:,} contacts would be created; guards.max_creates is {guards.max_creates:,}")
    if plan.acknowledged >= guards.min_contacts:
        removed_pct = 100 * aside / plan.acknowledged
        if removed_pct > guards.max_removed_pct:
            found.append(
                f"{aside:,} of {plan.acknowledged:,} contacts would be removed ({removed_pct:.0f} %); "
                f"guards.max_removed_pct is {guards.max_removed_pct:g}"
            )
        added_pct = 100 * created / plan.acknowledged
        if added_pct > guards.max_added_pct:
            found.append(
                f"{created:,} contacts would be added to {plan.acknowledged:,} ({added_pct:.0f} %); "
                f"guards.max_added_pct is {guards.max_added_pct:g}"
            )
    if selected_before is not None and selected_before >= guards.min_contacts:
        # Who opted out is gone for a reason.
        explained = sum(plan.excluded.get(verdict, 0) for verdict in ("withdrawn", "opted_out", "erased"))
        lost_pct = 100 * (selected_before - plan.selected - explained) / selected_before
        if lost_pct > guards.max_removed_pct:
            found.append(
                f"the sync selects {plan.selected:,} customers, {selected_before:,} last time "
                f"(-{lost_pct:.0f} %); guards.max_removed_pct is {guards.max_removed_pct:g}"
            )
    return found


def check(sync: Sync, plan: Plan) -> None:
    """Raises GuardTripped, telling what is abnormal and how to go on."""
    if plan.tripped:
        raise GuardTripped(
            f"sync {sync.name}: stopped before sending, for this looks like a mistake in the sources:\n"
            + "\n".join(f"  {line}" for line in plan.tripped)
            + f"\nOpt-outs and erasures have been sent. Look at 'stammkunde sync plan {sync.name}'; "
            f"if it is right, 'stammkunde sync apply {sync.name} --accept'."
        )
