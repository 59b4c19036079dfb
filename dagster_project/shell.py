"""A small SQL shell on the published database, for those without a client."""

from __future__ import annotations

from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

from exports.engine.log import register_log
from stammkunde.errors import UserError
from stammkunde.home import Home

ROWS_SHOWN = 200


def _open(database: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(str(database), read_only=True)
    connection.execute("set schema = 'marts'")
    # The home of a published database is the folder above its own.
    register_log(connection, Home(database.parent.parent))
    return connection


def _render(result: duckdb.DuckDBPyConnection) -> str:
    if result.description is None:
        return ""
    rows = result.fetchmany(ROWS_SHOWN + 1)
    table = Table(*(column[0] for column in result.description))
    for row in rows[:ROWS_SHOWN]:
        table.add_row(*("" if value is None else str(value) for value in row))
    console = Console(width=None if rows else 80)
    with console.capture() as capture:
        console.print(table)
        if len(rows) > ROWS_SHOWN:
            console.print(f"… first {ROWS_SHOWN} rows; add a limit or a where")
    return capture.get()


def ask(database: Path, query: str) -> str:
    """The answer to one query as a text table. Raises UserError with DuckDB's words."""
    with _open(database) as connection:
        try:
            return _render(connection.execute(query))
        except duckdb.Error as error:
            raise UserError(str(error)) from error


def shell(database: Path) -> None:
    """Reads queries until an empty line after `exit` or the end of input."""
    console = Console()
    console.print(f"{database} (read-only). End a query with ';'. 'show tables;' lists them, 'exit' leaves.")
    with _open(database) as connection:
        pending = ""
        while True:
            try:
                line = input("… " if pending else "stammkunde> ")
            except (EOFError, KeyboardInterrupt):
                return
            if not pending and line.strip().lower() in ("exit", "quit"):
                return
            pending += line + "\n"
            if not pending.strip():
                pending = ""
            elif pending.rstrip().endswith(";"):
                try:
                    console.print(_render(connection.execute(pending)), end="", markup=False)
                except duckdb.Error as error:
                    console.print(str(error), style="red", markup=False)
                pending = ""
