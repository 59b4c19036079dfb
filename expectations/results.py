"""What a check found, and where it is kept: `quality.check_result`.

Belongs here: the result's shape, its severity and its table. Does not belong here: which checks there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import date
from typing import Literal

import duckdb
import pyarrow as pa

from stammkunde.errors import UserError

Border = Literal["raw", "customer"]
Severity = Literal["error", "warn"]

MARTS = "marts"
"""`source` of the results of the customer border."""

_OF_BORDER = {"raw": f"source <> '{MARTS}'", "customer": f"source = '{MARTS}'"}


@dataclass(frozen=True)
class CheckResult:
    """One rule on one table. `details` holds counts, never values.

    `checked` and `failed` count rows (for a refused file, files); `quality_pct` is the share that passed, 100
    where nothing was there to check. `passed` allows for the share of failures that the rule tolerates.
    """

    source: str
    table_name: str
    rule: str
    severity: Severity
    checked: int
    failed: int
    quality_pct: float
    passed: bool
    details: str

    def __str__(self) -> str:
        return f"{self.source}.{self.table_name} {self.rule}: {self.details}"


def quality_pct(checked: int, failed: int) -> float:
    """Share of the checked rows that passed, in percent with four decimals."""
    return 100.0 if checked == 0 else round(100.0 * (checked - failed) / checked, 4)


def blocking_failures(results: Iterable[CheckResult]) -> list[CheckResult]:
    """The failed checks that forbid publication."""
    return [result for result in results if result.severity == "error" and not result.passed]


def write_results(
    connection: duckdb.DuckDBPyConnection, border: Border, as_of: date, results: list[CheckResult]
) -> None:
    """Replaces this run's results of the border in `quality.check_result`, in one transaction."""
    run_id = as_of.isoformat()
    columns = list(zip(*(astuple(result) for result in results), strict=True)) or [()] * len(_SCHEMA)
    new_rows = pa.table([pa.array(c, f.type) for c, f in zip(columns, _SCHEMA, strict=True)], schema=_SCHEMA)
    connection.execute("create schema if not exists quality")
    connection.execute(
        "create table if not exists quality.check_result ("
        "run_id varchar, source varchar, table_name varchar, rule varchar, severity varchar, "
        "checked bigint, failed bigint, quality_pct double, passed boolean, details varchar)"
    )
    connection.begin()
    try:
        connection.execute(
            f"delete from quality.check_result where run_id = ? and {_OF_BORDER[border]}", [run_id]
        )
        connection.register("new_check_result", new_rows)
        connection.execute(
            "insert into quality.check_result by name select ? as run_id, * from new_check_result "
            "order by source, table_name, rule",
            [run_id],
        )
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    finally:
        connection.unregister("new_check_result")


def read_results(
    connection: duckdb.DuckDBPyConnection, as_of: date, borders: tuple[Border, ...] = ("raw", "customer")
) -> list[CheckResult]:
    """This run's results of the borders, as written.

    Raises UserError when a border has not been checked: what nobody looked at is not fit to publish.
    """
    rows = connection.execute(
        "select source, table_name, rule, severity, checked, failed, quality_pct, passed, details "
        "from quality.check_result where run_id = ? order by source, table_name, rule",
        [as_of.isoformat()],
    ).fetchall()
    found = [CheckResult(*row) for row in rows]
    of_border = {
        "raw": [result for result in found if result.source != MARTS],
        "customer": [result for result in found if result.source == MARTS],
    }
    missing = [border for border in borders if not of_border[border]]
    if missing:
        raise UserError(f"The checks of {as_of} have not run at the border {missing[0]!r}; run them first.")
    return [result for border in borders for result in of_border[border]]


_SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("table_name", pa.string()),
        ("rule", pa.string()),
        ("severity", pa.string()),
        ("checked", pa.int64()),
        ("failed", pa.int64()),
        ("quality_pct", pa.float64()),
        ("passed", pa.bool_()),
        ("details", pa.string()),
    ]
)
