"""Files: CSV (RFC 4180), JSON Lines and Parquet.

Spreadsheets run cells that begin like a formula, so in CSV such text gets a leading apostrophe. A plain
signed number is no formula and stays as it is, which keeps telephone numbers (`+49301234567`) usable. Parquet
and JSON Lines hold the values untouched, with their types; in JSON Lines instants are ISO 8601 in UTC.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb

from exports.sync import FileDestination
from stammkunde.errors import UserError
from stammkunde.hashes import quoted

# Also behind leading blanks and invisible characters, which spreadsheets cut off, and in full-width forms.
_FORMULA = r"^([\t\r\n]|[\s\p{Z}\p{Cf}]*[=+\-@＝＋－＠])"
_NUMBER = r"^[+-][0-9]+([.,][0-9]+)?$"


def write_files(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    order_by: str,
    destination: FileDestination,
    directory: Path,
    name: str,
) -> list[Path]:
    """Writes `table`, sorted by the field `order_by`, as `<name>.<format>` each; returns the paths.

    Raises UserError when the encoding lacks a character.
    """
    paths = []
    for format_ in dict.fromkeys(destination.formats):
        path = directory / f"{name}.{format_}"
        order = f"order by {quoted(order_by)}"
        if format_ == "parquet":
            _copy(connection, f"select * from {table} {order}", path, "format parquet, compression zstd")
        elif format_ == "jsonl":
            columns = connection.execute(f"describe {table}").fetchall()
            fields = ", ".join(f"{json_value(quoted(c[0]), c[1])} as {quoted(c[0])}" for c in columns)
            _copy(connection, f"select {fields} from {table} {order}", path, "format json")
        else:
            columns = connection.execute(f"describe {table}").fetchall()
            fields = ", ".join(f"{csv_value(quoted(c[0]), c[1])} as {quoted(c[0])}" for c in columns)
            options = f"format csv, header true, delimiter {_literal(destination.delimiter)}, quote '\"'"
            _copy(connection, f"select {fields} from {table} {order}", path, options)
            if destination.encoding != "utf-8":
                _encode(path, destination.encoding)
        paths.append(path)
    return paths


def csv_value(column: str, type_: str) -> str:
    """SQL expression of a column's CSV text: lists joined by `|`, instants as ISO 8601 in UTC."""
    if type_.startswith("TIMESTAMP"):
        return f"strftime({column}, '%Y-%m-%dT%H:%M:%SZ')"
    if type_ == "VARCHAR[]":
        return _neutral(f"array_to_string({column}, '|')")
    if type_ == "VARCHAR":
        return _neutral(column)
    return column


def json_value(column: str, type_: str) -> str:
    """SQL expression of a column's JSON value: instants as ISO 8601 in UTC, the rest as DuckDB writes it."""
    return csv_value(column, type_) if type_.startswith("TIMESTAMP") else column


def _neutral(text: str) -> str:
    formula = f"regexp_matches({text}, '{_FORMULA}') and not regexp_matches({text}, '{_NUMBER}')"
    return f"case when {formula} then '''' || {text} else {text} end"


def _copy(connection: duckdb.DuckDBPyConnection, query: str, path: Path, options: str) -> None:
    connection.execute(f"copy ({query}) to {_literal(str(path))} ({options})")


def _encode(path: Path, encoding: str) -> None:
    """Rewrites a UTF-8 file in another encoding, piece by piece."""
    encoded = path.with_suffix(".encoded")
    try:
        with (
            path.open(encoding="utf-8", newline="") as source,
            encoded.open("w", encoding=encoding, newline="") as target,
        ):
            shutil.copyfileobj(source, target, 1 << 20)
    except UnicodeEncodeError as error:
        character = error.object[error.start]
        raise UserError(
            f"{path.name}: the encoding {encoding} has no character U+{ord(character):04X}; "
            "set destination.encoding to utf-8 or utf-8-sig"
        ) from None
    encoded.replace(path)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
