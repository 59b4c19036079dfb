"""Retention: rows and customers past their time (`config/privacy.yml`), shown first and removed on demand.

Belongs here: what is due and removing it. The limits in force stand in `privacy/retention_limits.py`.
The caller holds the home. Published versions and the warehouse follow with the next run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from privacy.erase import Erasure, erase, plan_erasure
from privacy.key import Key
from privacy.landing import rewrite_landing
from privacy.retention_limits import Limits, limits_of, write_limits
from privacy.settings import Retention, removable_tables
from privacy.suppression import Suppressor
from stammkunde.home import Home
from stammkunde.versions import open_published


@dataclass(frozen=True)
class Due:
    """What is past its time: rows by source.table, and customers."""

    limits: Limits
    rows: dict[str, int] = field(default_factory=dict)
    customer_ids: tuple[str, ...] = ()


def find_due(home: Home, key: Key, settings: Retention, country: str, as_of: date) -> Due:
    """Counts what is due on the day `as_of`; nothing is changed.

    A limit that was applied once only moves on: rows that are gone do not come back by a later setting.
    Raises UserError when customers are to be found and nothing is published yet.
    """
    columns = removable_tables()
    days = dict(limits_of(home).days)
    for table, kept_days in settings.rows_days.items():
        first = as_of - timedelta(days=kept_days)
        before = days.get(table)
        days[table] = (columns[table], max(first, before[1]) if before else first)
    limits = Limits(days)
    with Suppressor([], key, country, limits) as suppressor:
        rows = rewrite_landing(home, suppressor, dry_run=True).removed
    return Due(limits, rows, _inactive(home, settings.inactive_customers_days, as_of))


def _inactive(home: Home, days: int | None, as_of: date) -> tuple[str, ...]:
    """Customers who neither bought nor got in touch since; mails that only went out are no contact."""
    if days is None:
        return ()
    with open_published(home) as connection:
        found = connection.execute(
            """
            select customers.customer_id
            from marts.customer as customers
            left join marts.customer_metrics as metrics on customers.customer_id = metrics.customer_id
            where
                customers.kind = 'person'
                and greatest(
                    customers.first_seen_at::date, metrics.last_purchase_date, metrics.last_contact_at::date
                ) < $first::date
            order by 1
            """,
            {"first": as_of - timedelta(days=days)},
        ).fetchall()
    return tuple(customer for (customer,) in found)


def apply_retention(
    home: Home,
    key: Key,
    due: Due,
    country: str,
    author: str,
    at: datetime,
    say: Callable[[str], None] = lambda text: None,
) -> Erasure | None:
    """Removes what is due and makes ingestion refuse it from now on.

    The limits are written first, so a killed removal is finished by doing it again. Customers are erased
    together, with one receipt, which is returned.
    """
    if due.limits.days:
        write_limits(home, due.limits)
        with Suppressor([], key, country, due.limits) as suppressor:
            rewrite_landing(home, suppressor, say)
    if not due.customer_ids:
        return None
    plan = plan_erasure(home, key, due.customer_ids, country, author, "retention: inactive", at)
    return erase(home, key, plan, say)
