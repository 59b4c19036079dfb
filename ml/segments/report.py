"""How the segments hold: sizes, stability, what classes and stages really brought, stability of the needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.data import IntArray, numbers, relation_exists, value_basis
from ml.report import ReportRow, compare
from ml.segments.needs import STABLE, Needs
from ml.segments.rfm import Inputs
from ml.segments.settings import SegmentSettings

_PERIOD_DAYS = 91


@dataclass(frozen=True)
class Now:
    """The segments of the run, and the state that the last run before left."""

    inputs: Inputs
    segment: IntArray
    value_class: IntArray
    stage: IntArray
    before: pa.Table
    scores: pa.Table


@dataclass(frozen=True)
class Then:
    """The RFM segments of a past snapshot."""

    day: date
    inputs: Inputs
    segment: IntArray

    def positions(self, inputs: Inputs) -> IntArray:
        """For each of the customers, their place here, or −1."""
        found = pc.fill_null(pc.index_in(inputs.customer_id, self.inputs.customer_id), -1)
        return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.int64)


def report_rows(
    connection: duckdb.DuckDBPyConnection,
    now: Now,
    then: Then | None,
    needs: Needs | None,
    settings: SegmentSettings,
    as_of: date,
) -> list[ReportRow]:
    """All rows that the data allow."""
    rows = _sizes(now, settings) + _kept(now, as_of)
    if then is not None:
        rows += _rfm_stability(now, then, settings, as_of) + _foresight(connection, then, as_of)
    if needs is not None:
        rows.append(
            ReportRow(
                "needs_bootstrap_ari", needs.stability, "least that is published", STABLE,
                "k-means on bootstrap samples against all, when the release was frozen",
                f"{len(needs.names)} clusters", True,
            )
        )  # fmt: skip
    return rows


def _sizes(now: Now, settings: SegmentSettings) -> list[ReportRow]:
    inputs = now.inputs
    population = f"{inputs.size} customers with a purchase"
    rows = [
        ReportRow(f"share_pct_{s.name}", 100.0 * float(np.mean(now.segment == k)), population=population)
        for k, s in enumerate(settings.segments)
    ]
    total = float(inputs.value.sum())
    if total > 0:
        best = now.value_class == 0
        rows.append(
            ReportRow(
                "value_share_pct_class_a", 100.0 * float(inputs.value[best].sum()) / total,
                "share of customers", 100.0 * float(np.mean(best)), population=population,
            )
        )  # fmt: skip
    return rows


def _kept(now: Now, as_of: date) -> list[ReportRow]:
    """How many kept class and stage since the last run before this day."""
    if not now.before.num_rows:
        return []
    keys = [
        pc.binary_join_element_wise(t["value_class"], t["stage"], " ").combine_chunks()
        for t in (now.before, now.scores)
    ]
    mine, theirs = (t["customer_id"].combine_chunks() for t in (now.scores, now.before))
    place = pc.index_in(mine, theirs)
    known = pc.is_valid(place)
    if not pc.sum(known).as_py():
        return []
    same = pc.equal(keys[1].filter(known), keys[0].take(place.filter(known)))
    return [
        ReportRow(
            "kept_class_and_stage_pct", 100.0 * float(pc.mean(same).as_py()),
            split=f"the last run before {as_of} to {as_of}",
            population=f"{len(same)} customers who were segmented then",
        )
    ]  # fmt: skip


def _rfm_stability(now: Now, then: Then, settings: SegmentSettings, as_of: date) -> list[ReportRow]:
    place = then.positions(now.inputs)
    known = place >= 0
    if not known.any():
        return []
    same = now.segment[known] == then.segment[place[known]]
    # Two draws from these segment sizes would agree this often.
    shares = np.bincount(now.segment[known], minlength=len(settings.segments)) / known.sum()
    return [
        compare(
            "stability_pct", 100.0 * float(np.mean(same)), 100.0 * float(shares @ shares),
            baseline_name="chance", split=f"{then.day} to {as_of}",
            population=f"{int(known.sum())} of {now.inputs.size} customers who were customers on {then.day}",
        )
    ]  # fmt: skip


def _foresight(connection: duckdb.DuckDBPyConnection, then: Then, as_of: date) -> list[ReportRow]:
    """What share of the next quarter's value the tenth with most customer value of then really brought."""
    if not relation_exists(connection, "features", "customer_purchase_day"):
        return []
    inputs, end = then.inputs, min(as_of, then.day + timedelta(days=_PERIOD_DAYS))
    connection.register("_segmented", pa.table({"customer_id": inputs.customer_id}))
    try:
        table = connection.execute(
            "select coalesce(sum(d.margin_amount), 0)::double as margin, "
            "coalesce(sum(d.net_amount), 0)::double as net from _segmented s "
            "left join features.customer_purchase_day d on s.customer_id = d.customer_id "
            "and d.purchase_date >= $day and d.purchase_date < $end "
            "group by s.customer_id order by s.customer_id",
            {"day": then.day, "end": end},
        ).to_arrow_table()
    finally:
        connection.unregister("_segmented")
    if inputs.basis == "margin_amount":
        actual, _ = value_basis(numbers(table, "margin"), numbers(table, "net"))
    else:
        actual = numbers(table, "net")
    total, top = float(actual.sum()), max(1, inputs.size // 10)
    if total <= 0:
        return []
    by_value, by_revenue = (np.argsort(-v, kind="stable")[:top] for v in (inputs.value, inputs.monetary))
    return [
        compare(
            "next_period_value_share_pct_top_10", 100.0 * float(actual[by_value].sum()) / total,
            100.0 * float(actual[by_revenue].sum()) / total,
            baseline_name="the tenth with most margin in the last 365 days",
            split=f"customer value of {then.day}, outcome from {then.day} to {end} (exclusive)",
            population=f"{inputs.size} customers with a purchase before {then.day}",
        )
    ]  # fmt: skip
