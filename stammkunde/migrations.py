"""Upgrades of an existing home: what an earlier version left is brought to the shape that this one reads.

`home.json` holds the home's format, a number. Each migration brings a home from one format to the next. It
may be killed at any moment and run again: what it has done already, it finds done.

Belongs here: state that no source can give again (identity, history of checks and models, decisions). Tables
that every run makes anew need no migration.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import duckdb

from stammkunde.errors import UserError
from stammkunde.files import write_atomically
from stammkunde.home import Home

FIRST_FORMAT = 1
"""Homes of version 0.1.0, which had no format file."""


def _check_results_know_their_part(home: Home) -> None:
    """Format 2: check results say which border, quality dimension and part of a table they speak of."""
    with _warehouse(home) as connection:
        if not _has_table(connection, "quality", "check_result"):
            return
        connection.begin()
        for column, kind in (
            ("border", "varchar"), ("dimension", "varchar"), ("scope", "varchar"), ("scope_value", "varchar"),
            ("affected_customers", "bigint"), ("margin_at_risk_amount", "decimal(18, 2)"),
        ):  # fmt: skip
            connection.execute(f"alter table quality.check_result add column if not exists {column} {kind}")
        connection.execute(
            """
            update quality.check_result set
                border = case when source = 'marts' then 'customer' else 'raw' end,
                dimension = case
                    when rule like '%\\_filled' escape '\\'
                        or rule in ('rows_loaded', 'delivered', 'not_empty')
                        then 'completeness'
                    when rule like '%\\_unique' escape '\\' then 'uniqueness'
                    when rule in (
                        'amount_follows_quantity', 'closed_after_opened', 'customers_became_one',
                        'every_customer_has_a_record', 'every_record_has_its_customer', 'record_count_agrees',
                        'numbers_are_not_reissued'
                    ) then 'consistency'
                    else 'validity'
                end,
                scope = 'table',
                scope_value = ''
            where border is null
            """
        )
        connection.commit()


def _state_is_private(home: Home) -> None:
    """Format 3: every file is readable by its owner only. The demo's servers have users of their own."""
    for directory, subfolders, files in os.walk(home.root):
        if Path(directory) == home.root:
            subfolders[:] = [name for name in subfolders if name not in (home.demo.name, "run")]
        for name in subfolders + files:
            path = Path(directory) / name
            status = path.lstat()
            if not stat.S_ISLNK(status.st_mode) and status.st_mode & 0o077:
                path.chmod(stat.S_IMODE(status.st_mode) & 0o700)


MIGRATIONS: tuple[Callable[[Home], None], ...] = (_check_results_know_their_part, _state_is_private)
CURRENT_FORMAT = FIRST_FORMAT + len(MIGRATIONS)


def migrate(home: Home, say: Callable[[str], None] = lambda text: None) -> int:
    """Brings the home to the current format; returns how many steps that took. The caller holds the home.

    Raises UserError for a home of a later version, which this one would damage.
    """
    found = format_of(home)
    if found > CURRENT_FORMAT:
        raise UserError(
            f"{home.root} was written by a later version of Stammkunde (format {found}, this one knows "
            f"{CURRENT_FORMAT}); upgrade, or restore a backup made with this version."
        )
    for number in range(found, CURRENT_FORMAT):
        step = MIGRATIONS[number - FIRST_FORMAT]
        say(f"upgrading {home.root} to format {number + 1}: {_title(step)}")
        step(home)
        _write_format(home, number + 1)
    return CURRENT_FORMAT - found


def format_of(home: Home) -> int:
    """The home's format; a home that holds nothing yet gets the current one.

    Raises UserError for a damaged format file.
    """
    path = home.root / "home.json"
    try:
        return int(json.loads(path.read_text(encoding="utf-8"))["format"])
    except FileNotFoundError:
        if home.warehouse.exists() or any(home.landing.glob("*/*/manifest.json")):
            return FIRST_FORMAT
        _write_format(home, CURRENT_FORMAT)
        return CURRENT_FORMAT
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error}); restore it from a backup.") from error


def _write_format(home: Home, number: int) -> None:
    write_atomically(home.root / "home.json", (json.dumps({"format": number}) + "\n").encode())


def _title(step: Callable[[Home], None]) -> str:
    return (step.__doc__ or "").partition(": ")[2].splitlines()[0]


def _warehouse(home: Home) -> duckdb.DuckDBPyConnection:
    if not home.warehouse.exists():
        return duckdb.connect()
    return duckdb.connect(str(home.warehouse))


def _has_table(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    row = connection.execute(
        "select count(*) from duckdb_tables() where database_name = current_database() and schema_name = ? "
        "and table_name = ?",
        [schema, table],
    ).fetchone()
    return bool(row and row[0])
