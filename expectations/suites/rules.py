"""The vocabulary of the suites: expectations with our rule names and severities.

An `error` blocks publication, a `warn` is shown. `mostly` is the share of filled values that must hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from expectations.results import Dimension, Severity

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.expectations import Expectation
    from great_expectations.expectations.metadata_types import FailureSeverity

# A wide net: one @, no spaces, a domain with a dot. Whether a mailbox exists, only a mail tells.
EMAIL = r"^[^@\s]+@[^@\s]+\.[A-Za-z]{2,}$"
POSTAL_CODE = r"^\d{4,5}$"  # AT and CH have four digits, DE five
E164 = r"^\+\d{6,15}$"

EARLIEST_BIRTH = date(1900, 1, 1)
EARLIEST_BUSINESS = date(1990, 1, 1)


def suite(name: str, *expectations: Expectation) -> ExpectationSuite:
    """A named suite of these expectations."""
    import great_expectations as gx

    return gx.ExpectationSuite(name=name, expectations=list(expectations))


def none_of(
    rule: str,
    failed: str,
    checked: str,
    severity: Severity = "error",
    dimension: Dimension = "consistency",
) -> Expectation:
    """The aggregate `failed` is zero; `checked` is the aggregate of rows that were looked at."""
    import great_expectations.expectations as gxe

    return gxe.ExpectColumnValuesToBeBetween(
        column=failed,
        min_value=0,
        max_value=0,
        severity=_severity(severity),
        meta={"rule": rule, "failed": failed, "checked": checked, "dimension": dimension},
    )


def filled(column: str, mostly: float = 1.0, severity: Severity = "warn", rule: str = "") -> Expectation:
    """The column has a value in at least that share of the rows."""
    import great_expectations.expectations as gxe

    return gxe.ExpectColumnValuesToNotBeNull(
        column=column,
        mostly=mostly,
        severity=_severity(severity),
        meta={"rule": rule or f"{column}_filled", "dimension": "completeness"},
    )


def one_of(column: str, values: Sequence[object], severity: Severity, mostly: float = 1.0) -> Expectation:
    """Filled values are among the known ones."""
    import great_expectations.expectations as gxe

    return gxe.ExpectColumnValuesToBeInSet(
        column=column,
        value_set=list(values),
        mostly=mostly,
        severity=_severity(severity),
        meta={"rule": f"{column}_known"},
    )


def holds(column: str, rule: str, severity: Severity = "warn", mostly: float = 1.0) -> Expectation:
    """The boolean column, a condition computed in the projection, is true where it is not null."""
    import great_expectations.expectations as gxe

    return gxe.ExpectColumnValuesToBeInSet(
        column=column,
        value_set=[True],
        mostly=mostly,
        severity=_severity(severity),
        meta={"rule": rule, "dimension": "consistency"},
    )


def shaped(column: str, pattern: str, mostly: float, severity: Severity = "warn") -> Expectation:
    """Filled values have this shape."""
    import great_expectations.expectations as gxe

    return gxe.ExpectColumnValuesToMatchRegex(
        column=column,
        regex=pattern,
        mostly=mostly,
        severity=_severity(severity),
        meta={"rule": f"{column}_shape"},
    )


def between(
    column: str, low: float, high: float, severity: Severity = "warn", mostly: float = 1.0
) -> Expectation:
    """Filled numbers lie in the range, ends included."""
    import great_expectations.expectations as gxe

    return gxe.ExpectColumnValuesToBeBetween(
        column=column,
        min_value=low,
        max_value=high,
        mostly=mostly,
        severity=_severity(severity),
        meta={"rule": f"{column}_range"},
    )


def dated(
    column: str, first: date, as_of: date, severity: Severity = "warn", mostly: float = 1.0
) -> Expectation:
    """Filled dates and instants lie between `first` and the end of the day `as_of`.

    One day is added because a day of the company's time zone may begin before the day in UTC.
    """
    import great_expectations.expectations as gxe

    return gxe.ExpectColumnValuesToBeBetween(
        column=column,
        min_value=_midnight(first),
        max_value=_midnight(as_of + timedelta(days=1)),
        mostly=mostly,
        severity=_severity(severity),
        meta={"rule": f"{column}_plausible"},
    )


def _midnight(day: date) -> datetime:
    # Naive on purpose: instants in the warehouse are UTC without a zone.
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001


def _severity(severity: Severity) -> FailureSeverity:
    from great_expectations.expectations.metadata_types import FailureSeverity

    return FailureSeverity.CRITICAL if severity == "error" else FailureSeverity.WARNING
