"""Suites of the customer border: is `marts.customer` fit to be published?

Errors say that the table is broken, warnings that its content is poorer than usual. Keys and relationships of
the other marts are tested by dbt.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from expectations.suites import rules

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite

COLUMNS = {
    "kind": "kind",
    "lifecycle_stage": "lifecycle_stage",
    "is_customer": "is_customer",
    "record_count": "record_count",
    "became_customer": "became_customer_at is not null or not is_customer",
    "email": "email",
    "phone": "phone",
    "postal_code": "postal_code",
    "birth_date": "birth_date",
    "contact": "coalesce(email, phone, postal_code)",
    "first_seen_at": "first_seen_at",
}
"""What the suite sees of `marts.customer`: name → SQL expression."""

KINDS = ("person", "company")
LIFECYCLE_STAGES = ("lead", "new", "active", "loyal", "lapsing", "lost", "reactivated")


def consistency() -> ExpectationSuite:
    """Expectations on the aggregates of `expectations.profile.profile_customer`."""
    return rules.suite(
        "consistency",
        rules.none_of(
            "not_empty", failed="missing_customers", checked="source_records", dimension="completeness"
        ),
        rules.none_of(
            "customer_id_filled", failed="customers_without_id", checked="customers", dimension="completeness"
        ),
        rules.none_of(
            "customer_id_unique", failed="duplicate_customers", checked="customers", dimension="uniqueness"
        ),
        rules.none_of("every_customer_has_a_record", failed="customers_without_record", checked="customers"),
        rules.none_of("every_record_has_its_customer", failed="records_without_customer", checked="records"),
        rules.none_of("record_unique", failed="duplicate_records", checked="records", dimension="uniqueness"),
        rules.none_of("record_count_agrees", failed="wrong_record_counts", checked="customers"),
    )


def values(as_of: date) -> ExpectationSuite:
    """Expectations on the columns of `marts.customer`."""
    return rules.suite(
        "customer",
        rules.filled("kind", severity="error"),
        rules.one_of("kind", KINDS, "error"),
        rules.filled("lifecycle_stage", severity="error"),
        rules.one_of("lifecycle_stage", LIFECYCLE_STAGES, "error"),
        rules.filled("is_customer", severity="error"),
        rules.holds("became_customer", "customers_became_one"),
        rules.filled("contact", 0.8),
        rules.filled("email", 0.3),
        rules.shaped("email", rules.EMAIL, 0.99),
        rules.shaped("phone", rules.E164, 0.98),
        rules.shaped("postal_code", rules.POSTAL_CODE, 0.95),
        rules.dated("birth_date", rules.EARLIEST_BIRTH, as_of, mostly=0.999),
        rules.dated("first_seen_at", rules.EARLIEST_BUSINESS, as_of),
    )
