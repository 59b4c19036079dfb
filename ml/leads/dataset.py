"""Leads as the models see them: features at capture, the label, and the split by time.

Label: the first purchase comes within 91 days of the capture. A lead is mature once those days have passed; a
younger one has no label, whether it has bought or not, or quick conversions would be over-represented.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa

from ml.data import BoolArray, FloatArray, LeakageError, fetch, numbers, relation_exists, texts

HORIZON_DAYS = 91
FLAGS = ("has_phone", "has_company", "has_address", "has_message", "consent_email", "was_customer")
_TEST_SHARE = 0.3


@dataclass(frozen=True)
class Leads:
    """One element per lead captured before `as_of`, in order of capture and id."""

    lead_id: pa.Array
    customer_id: pa.Array
    source: np.ndarray
    campaign: np.ndarray
    flags: FloatArray
    interests: FloatArray
    age_days: FloatArray
    converted: BoolArray
    """Bought within the horizon; meaningful for mature leads only."""

    @property
    def size(self) -> int:
        return len(self.age_days)

    @property
    def is_mature(self) -> BoolArray:
        return np.asarray(self.age_days >= HORIZON_DAYS)

    def flag(self, name: str) -> BoolArray:
        return np.asarray(self.flags[:, FLAGS.index(name)] > 0)


@dataclass(frozen=True)
class LeadSplit:
    """Boolean masks. The label of every training lead is known on the day the test begins."""

    train: BoolArray
    test: BoolArray
    test_from: date


def load_leads(connection: duckdb.DuckDBPyConnection, as_of: date) -> Leads:
    """All leads captured before `as_of`. Raises LeakageError for a conversion that precedes its capture."""
    if not relation_exists(connection, "features", "lead_features"):
        none, empty = np.empty(0), pa.array([], pa.string())
        objects = np.empty(0, dtype=object)
        return Leads(empty, empty, objects, objects, np.empty((0, len(FLAGS))), none, none, np.empty(0, bool))
    flags = ", ".join(f"coalesce({name}, false)::integer as {name}" for name in FLAGS)
    table = fetch(
        connection,
        f"""
        select
            lead_id, customer_id, coalesce(lead_source, 'unknown') as lead_source,
            coalesce(campaign, '') as campaign, {flags},
            coalesce(interest_count, 0)::double as interest_count,
            date_diff('day', captured_at::date, $as_of::date) as age_days,
            coalesce(converted_at < captured_at, false) as is_impossible,
            coalesce(
                converted_at::date < captured_at::date + {HORIZON_DAYS} and converted_at::date < $as_of, false
            ) as converted
        from features.lead_features
        where captured_at < $as_of
        order by captured_at, lead_id
        """,
        {"as_of": as_of},
    )
    impossible = int(np.sum(table["is_impossible"].to_numpy(zero_copy_only=False)))
    if impossible:
        raise LeakageError(f"features.lead_features: {impossible} leads converted before they were captured.")
    return Leads(
        table["lead_id"].combine_chunks(),
        table["customer_id"].combine_chunks(),
        texts(table, "lead_source"),
        texts(table, "campaign"),
        np.column_stack([numbers(table, name) for name in FLAGS]),
        numbers(table, "interest_count"),
        numbers(table, "age_days"),
        np.asarray(table["converted"].to_numpy(zero_copy_only=False), dtype=bool),
    )


def split_by_time(leads: Leads, as_of: date) -> LeadSplit | None:
    """The youngest 30 % of the mature leads test; None when no lead is left to train on."""
    mature = leads.is_mature
    if mature.sum() < 2:
        return None
    boundary = float(np.quantile(leads.age_days[mature], _TEST_SHARE, method="higher"))
    test = mature & (leads.age_days <= boundary)
    train = leads.age_days >= boundary + HORIZON_DAYS
    if not train.any():
        return None
    return LeadSplit(train, test, as_of - timedelta(days=int(boundary)))
