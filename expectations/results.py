"""What a check found, and where it is kept: `quality.check_result`.

Belongs here: the result's shape, its severity and its table. Does not belong here: which checks there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

import duckdb
import pyarrow as pa

from stammkunde.errors import UserError

Border = Literal["raw", "history", "inside", "customer"]
"""What came in; how it compares with earlier loads; what dbt measured inside; what goes out."""
BORDERS: tuple[Border, ...] = ("raw", "history", "inside", "customer")
Severity = Literal["error", "warn"]
Dimension = Literal["completeness", "validity", "uniqueness", "consistency", "timeliness"]
Scope = Literal["table", "branch", "form"]

MARTS = "marts"
"""`source` of the results of the customer border."""


@dataclass(frozen=True)
class CheckResult:
    """One rule on one table, or on the part of it that came from one branch or form (`scope_value`).

    `checked` and `failed` count rows (for a refused file, files); `quality_pct` is the share that passed, 100
    where nothing was there to check. `passed` allows for the share of failures that the rule tolerates.
    `margin_at_risk_amount` is the yearly margin of the `affected_customers`, in company currency; both are
    None where a rule does not speak of customers. `details` holds counts, never values.
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
    dimension: Dimension = "validity"
    scope: Scope = "table"
    scope_value: str = ""
    affected_customers: int | None = None
    margin_at_risk_amount: Decimal | None = None

    def __str__(self) -> str:
        part = f" [{self.scope} {self.scope_value}]" if self.scope != "table" else ""
        return f"{self.source}.{self.table_name}{part} {self.rule}: {self.details}"


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
    new_rows = pa.Table.from_pylist([asdict(result) for result in results], schema=_SCHEMA)
    create_check_result(connection)
    connection.begin()
    try:
        connection.execute(
            "delete from quality.check_result where run_id = ? and border = ?", [run_id, border]
        )
        connection.register("new_check_result", new_rows)
        connection.execute(
            "insert into quality.check_result by name "
            "select ? as run_id, ? as border, * from new_check_result "
            "order by source, table_name, rule, scope, scope_value",
            [run_id, border],
        )
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    finally:
        connection.unregister("new_check_result")


def create_check_result(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes the empty table where it is missing."""
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    connection.execute("create schema if not exists quality")
    connection.execute(f"create table if not exists quality.check_result ({columns})")


def read_results(
    connection: duckdb.DuckDBPyConnection, as_of: date, borders: tuple[Border, ...] = BORDERS
) -> list[CheckResult]:
    """This run's results of the borders, as written.

    Raises UserError when the raw or the customer border has not been checked: what nobody looked at is not
    fit to publish. The other two have nothing to say of an installation without history or contacts.
    """
    names = ", ".join(_SCHEMA.names)
    found: list[CheckResult] = []
    for border in borders:
        rows = connection.execute(
            f"select {names} from quality.check_result where run_id = ? and border = ? "
            "order by source, table_name, rule, scope, scope_value",
            [as_of.isoformat(), border],
        ).fetchall()
        if not rows and border in ("raw", "customer"):
            raise UserError(f"The checks of {as_of} have not run at the border {border!r}; run them first.")
        found += [CheckResult(*row) for row in rows]
    return found


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
        ("dimension", pa.string()),
        ("scope", pa.string()),
        ("scope_value", pa.string()),
        ("affected_customers", pa.int64()),
        ("margin_at_risk_amount", pa.decimal128(18, 2)),
    ]
)

COLUMNS = {
    "run_id": "varchar", "border": "varchar", "source": "varchar", "table_name": "varchar", "rule": "varchar",
    "severity": "varchar", "checked": "bigint", "failed": "bigint", "quality_pct": "double",
    "passed": "boolean", "details": "varchar", "dimension": "varchar", "scope": "varchar",
    "scope_value": "varchar", "affected_customers": "bigint", "margin_at_risk_amount": "decimal(18, 2)",
}  # fmt: skip
"""`quality.check_result`: name → type. `dbt/models/python_sources.yml` declares the same."""
