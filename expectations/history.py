"""Is a load like the loads before it? Every source is compared with its own history.

Belongs here: the profile of each load (`quality.load_profile`, `quality.load_category`), taken once per load,
and what is unusual about the newest. Does not belong here: the statistic (`expectations/robust.py`) and rules
about values (`expectations/suites/`).

A load that read everything again (`--full`) is no delivery of the source and takes no part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import duckdb

from expectations.results import CheckResult, Dimension, quality_pct
from expectations.robust import count_deviation, deviation, share_deviation
from expectations.settings import History
from ingestion.contracts import Table, catalogue

CATEGORIES: dict[tuple[str, str], tuple[str, ...]] = {
    ("shop", "transactions"): ("bon_typ",),
    ("shop", "lines"): ("gv_typ", "einheit", "warengr"),
    ("shop", "payments"): ("zahlart_typ",),
    ("shop", "loyalty"): ("country", "store_id"),
    ("branch", "customer"): ("country", "branch_id"),
    ("branch", "product"): ("category",),
    ("branch", "sales_order"): ("status", "branch_id"),
    ("branch", "visit"): ("kind", "outcome"),
    ("webshop", "customers"): ("country",),
    ("webshop", "orders"): ("status", "currency"),
    ("webshop", "products"): ("category",),
    ("leads", "leads"): ("campaign", "country", "consent_text_version"),
    ("touchpoints", "tickets"): ("channel", "topic"),
    ("touchpoints", "web_events"): ("event",),
}
"""Codes that a source may extend: a new one is no fault, but somebody should know."""


@dataclass(frozen=True)
class _Load:
    load_id: str
    day: date
    read: int
    quarantined: int
    nulls: dict[str, tuple[int, int]]
    """Field → (rows, empty ones)."""


def history_results(
    connection: duckdb.DuckDBPyConnection,
    as_of: date,
    settings: History,
    say: Callable[[str], None] = lambda text: None,
) -> list[CheckResult]:
    """Five results per delivered table, all warnings: rows, empty values, quarantine, categories,
    punctuality.

    Profiles the loads that have no profile yet. Needs `raw.ingestion_load` and the raw tables.
    """
    create_profile_tables(connection)
    results: list[CheckResult] = []
    for tables in catalogue().values():
        for table in tables.values():
            _profile_new_loads(connection, table, say)
            loads = _loads(connection, table, as_of)
            if loads:
                results += _judge(connection, table, loads, as_of, settings)
    return results


def create_profile_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes the two tables of profiles where they are missing."""
    connection.execute("create schema if not exists quality")
    connection.execute(
        "create table if not exists quality.load_profile "
        "(source varchar, table_name varchar, load_id varchar, "
        "field varchar, row_count bigint, null_count bigint)"
    )
    connection.execute(
        "create table if not exists quality.load_category "
        "(source varchar, table_name varchar, field varchar, "
        "category varchar, first_load_id varchar)"
    )


def _profile_new_loads(
    connection: duckdb.DuckDBPyConnection, table: Table, say: Callable[[str], None]
) -> None:
    key = [table.source, table.name]
    new = connection.execute(
        """
        select load_id from raw.ingestion_load
        where source = ? and table_name = ? and rows_loaded > 0
            and load_id not in (
                select load_id from quality.load_profile where source = ? and table_name = ?
            )
        order by load_id
        """,
        key + key,
    ).fetchall()
    for (load_id,) in new:
        say(f"profiling {table.source}.{table.name}, load {load_id}")
        counts = ", ".join(f'count(*) - count("{name}")' for name in table.field_names)
        row = connection.execute(
            f"select count(*), {counts} from raw.{table.raw_name} where _load_id = ?", [load_id]
        ).fetchone()
        assert row is not None
        connection.begin()
        try:
            connection.executemany(
                "insert into quality.load_profile values (?, ?, ?, ?, ?, ?)",
                [
                    (*key, load_id, name, row[0], nulls)
                    for name, nulls in zip(table.field_names, row[1:], strict=True)
                ],
            )
            for field in CATEGORIES.get((table.source, table.name), ()):
                connection.execute(
                    f"""
                    insert into quality.load_category
                    select distinct ?, ?, ?, "{field}", ? from raw.{table.raw_name}
                    where _load_id = ? and "{field}" is not null and "{field}" not in (
                        select category from quality.load_category
                        where source = ? and table_name = ? and field = ?
                    )
                    order by 4
                    """,
                    [*key, field, load_id, load_id, *key, field],
                )
            connection.commit()
        except BaseException:
            connection.rollback()
            raise


def _loads(connection: duckdb.DuckDBPyConnection, table: Table, as_of: date) -> list[_Load]:
    """Deliveries up to the day, oldest first."""
    rows = connection.execute(
        """
        select load_id, any_value(as_of_date), any_value(rows_read), any_value(rows_quarantined),
            coalesce(list((field, row_count, null_count) order by field) filter (where field is not null), [])
        from raw.ingestion_load
        left join quality.load_profile using (source, table_name, load_id)
        where source = ? and table_name = ? and as_of_date <= ? and rows_read > 0 and not is_full
        group by load_id
        order by load_id
        """,
        [table.source, table.name, as_of],
    ).fetchall()
    return [
        _Load(load_id, day, read, quarantined, {name: (count, nulls) for name, count, nulls in profile})
        for load_id, day, read, quarantined, profile in rows
    ]


def _judge(
    connection: duckdb.DuckDBPyConnection, table: Table, loads: list[_Load], as_of: date, settings: History
) -> list[CheckResult]:
    newest, earlier = loads[-1], loads[:-1][-settings.history_loads :]

    def result(rule: str, dimension: Dimension, checked: int, failed: int, details: str) -> CheckResult:
        pct = quality_pct(checked, failed)
        return CheckResult(
            table.source, table.name, rule, "warn", checked, failed, pct, failed == 0, details, dimension
        )

    if len(earlier) < settings.minimum_loads:
        said = f"{len(earlier)} earlier loads, {settings.minimum_loads} are needed for a comparison"
        return [result(rule, dimension, 0, 0, said) for rule, dimension in _RULES.items()]
    rows = count_deviation([load.read for load in earlier], newest.read)
    unusual_rows = abs(rows.score) > settings.threshold
    nulls = _unusual_nulls(newest, earlier, settings)
    bad = share_deviation([load.quarantined / load.read for load in earlier], newest.quarantined, newest.read)
    unusual_bad = bad.score > settings.threshold
    codes = _new_categories(connection, table, newest.load_id)
    code_fields = len(CATEGORIES.get((table.source, table.name), ()))
    late, lateness = _late(loads, as_of, settings)
    texts = {
        "row_count_as_usual": (1, int(unusual_rows), f"{newest.read:,} rows, usually {rows.median:,.0f}"),
        "nulls_as_usual": (
            len(newest.nulls), len(nulls), "; ".join(nulls) or "as many values are empty as usual",
        ),
        "quarantine_as_usual": (
            1, int(unusual_bad),
            f"{_pct(newest.quarantined / newest.read)} in quarantine, usually {_pct(bad.median)}",
        ),
        "categories_known": (code_fields, len(codes), "; ".join(codes) or "no new codes"),
        "delivered_on_time": (1, int(late), lateness),
    }  # fmt: skip
    return [result(rule, dimension, *texts[rule]) for rule, dimension in _RULES.items()]


_RULES: dict[str, Dimension] = {
    "row_count_as_usual": "completeness",
    "nulls_as_usual": "completeness",
    "quarantine_as_usual": "validity",
    "categories_known": "validity",
    "delivered_on_time": "timeliness",
}


def _unusual_nulls(newest: _Load, earlier: list[_Load], settings: History) -> list[str]:
    found = []
    for field, (rows, nulls) in newest.nulls.items():
        history = [load.nulls[field] for load in earlier if field in load.nulls]
        if len(history) < settings.minimum_loads or not rows:
            continue
        shares = [empty / count for count, empty in history]
        result = share_deviation(shares, nulls, rows)
        if abs(result.score) > settings.threshold:
            found.append(f"{field} {_pct(nulls / rows)} empty, usually {_pct(result.median)}")
    return found


def _new_categories(connection: duckdb.DuckDBPyConnection, table: Table, load_id: str) -> list[str]:
    rows = connection.execute(
        "select field, count(*) from quality.load_category where source = ? and table_name = ? "
        "and first_load_id = ? group by field order by field",
        [table.source, table.name, load_id],
    ).fetchall()
    return [f"{field}: {count:,} new codes" for field, count in rows]


def _late(loads: list[_Load], as_of: date, settings: History) -> tuple[bool, str]:
    """Whether more days than usual have passed since the last delivery; a day is what can be told apart."""
    days = sorted({load.day for load in loads})[-settings.history_loads :]
    gaps = [(later - before).days for before, later in pairwise(days)]
    waiting = (as_of - days[-1]).days
    if len(gaps) < settings.minimum_loads:
        return False, f"last delivery {waiting} days ago, too few deliveries for a comparison"
    found = deviation(gaps, waiting, noise=1.0)
    text = f"last delivery {waiting} days ago, usually every {found.median:g} days"
    return found.score > settings.threshold, text


def _pct(share: float) -> str:
    return f"{100 * share:.1f} %"
