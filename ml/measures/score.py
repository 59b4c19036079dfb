"""What campaigns brought until a day: `ml.campaign_effect`, and who is in them: `ml.campaign_member`."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from ml.clv.histories import Basis, choose_basis
from ml.data import FloatArray, fetch, numbers, relation_exists
from ml.measures.draw import Draw, read_or_draw
from ml.measures.effect import MIN_OF_EACH_GROUP, Effect, detectable_difference, estimate
from ml.measures.settings import SETTINGS_FILE, Campaign, load_campaigns
from ml.report import ModelResult, fallback_rows, report_table
from ml.tables import ensure_tables, replace_scores, replace_table
from stammkunde.config import Config

MODEL = "measures"
_BEFORE_DAYS = 91


def run(
    connection: duckdb.DuckDBPyConnection,
    config: Config,  # noqa: ARG001 - every model has the same signature
    as_of: date,
    models_directory: Path,
    settings_file: Path = SETTINGS_FILE,
) -> ModelResult:
    """Draws the groups of campaigns to come and measures those that have begun; run segments before it.

    The outcome is the margin (net amount where most margins are unknown) per customer from the first day of
    the campaign to its last or to `as_of`, less what their 91 days before it explain (CUPED).
    """
    ensure_tables(connection)
    warnings: list[str] = []
    rows, members = [], []
    basis = choose_basis(connection, as_of)
    for campaign in load_campaigns(settings_file):
        draw = read_or_draw(connection, campaign, as_of, models_directory)
        effect = None
        if draw is not None:
            members.append(_members(campaign, draw))
            if as_of > campaign.starts_on:
                effect = _measure(connection, campaign, draw, as_of, basis)
        note = _note(campaign, draw, effect, as_of)
        if draw is None or (effect is None and as_of > campaign.starts_on):
            warnings.append(f"Campaign {campaign.campaign_id}: {note}")
        rows.append(_row(campaign, draw, effect, note, as_of))
    version = f"cuped@{as_of}"
    effects = pa.Table.from_pylist(rows, schema=_SCHEMA) if rows else None
    report = report_table(MODEL, version, as_of, fallback_rows(warnings))
    written = replace_scores(connection, as_of, MODEL, "campaign_effect", effects, report)
    replace_table(connection, "campaign_member", pa.concat_tables(members) if members else None)
    return ModelResult(MODEL, version, as_of, written, False, tuple(warnings))


_SCHEMA = pa.schema(
    [
        ("campaign_id", pa.string()), ("name", pa.string()), ("starts_on", pa.date32()),
        ("ends_on", pa.date32()), ("as_of_date", pa.date32()), ("drawn_on", pa.date32()),
        ("budget_amount", pa.float64()), ("target_amount", pa.float64()),
        ("treated_customers", pa.int64()), ("held_out_customers", pa.int64()),
        ("treated_mean_amount", pa.float64()), ("held_out_mean_amount", pa.float64()),
        ("effect_amount", pa.float64()), ("effect_low_amount", pa.float64()),
        ("effect_high_amount", pa.float64()), ("total_effect_amount", pa.float64()),
        ("is_shown", pa.bool_()), ("note", pa.string()),
    ]
)  # fmt: skip


def _members(campaign: Campaign, draw: Draw) -> pa.Table:
    size = len(draw.customer_ids)
    return pa.table(
        {
            "campaign_id": pa.array([campaign.campaign_id] * size, pa.string()),
            "customer_id": pa.array(draw.customer_ids, pa.string()),
            "is_held_out": pa.array(draw.held_out),
            "drawn_on": pa.array([draw.drawn_on] * size, pa.date32()),
        }
    )


def _measure(
    connection: duckdb.DuckDBPyConnection, campaign: Campaign, draw: Draw, as_of: date, basis: Basis
) -> Effect | None:
    end = min(as_of, campaign.ends_on + timedelta(days=1))
    start, held = campaign.starts_on, draw.held_out
    outcome = _value(connection, draw, start, end, basis)
    before = _value(connection, draw, start - timedelta(days=_BEFORE_DAYS), start, basis)
    return estimate(outcome[~held], outcome[held], before[~held], before[held])


def _value(
    connection: duckdb.DuckDBPyConnection, draw: Draw, begin: date, end: date, basis: Basis
) -> FloatArray:
    """Value in [begin, end) per customer of the draw, in its order; who bought nothing brought nothing."""
    if not relation_exists(connection, "features", "customer_purchase_day"):
        return np.zeros(len(draw.customer_ids))
    connection.register("_drawn", pa.table({"customer_id": pa.array(draw.customer_ids, pa.string())}))
    try:
        table = fetch(
            connection,
            f"select d.customer_id, coalesce(sum({basis.expression}), 0)::double as value from _drawn d "
            "left join features.customer_purchase_day p on d.customer_id = p.customer_id "
            "and p.purchase_date >= $begin and p.purchase_date < $end "
            "group by d.customer_id order by d.customer_id",
            {"begin": begin, "end": end},
        )
    finally:
        connection.unregister("_drawn")
    return numbers(table, "value")


def _note(campaign: Campaign, draw: Draw | None, effect: Effect | None, as_of: date) -> str:
    if draw is None and as_of > campaign.starts_on:
        return "no groups were drawn before it began, so no effect is claimed."
    if draw is None:
        return "nobody is in its audience."
    if as_of <= campaign.starts_on:
        return f"{len(draw.customer_ids)} customers drawn, {int(draw.held_out.sum())} of them held out."
    if effect is None:
        return (
            f"{int(draw.held_out.sum())} customers held out of {len(draw.customer_ids)} are too few (at "
            f"least {MIN_OF_EACH_GROUP} in each group), so no effect is claimed."
        )
    running = "" if as_of > campaign.ends_on else "still running; "
    if effect.is_shown:
        return f"{running}an effect is shown; the past explains {effect.explained:.0%} of the outcome."
    error = (effect.high - effect.low) / (2 * 1.959964)
    least = detectable_difference(1, 50.0, error / 2.0)
    return (
        f"{running}no effect is shown; {least:.2f} per customer would have been found in four of five cases."
    )


def _row(
    campaign: Campaign, draw: Draw | None, effect: Effect | None, note: str, as_of: date
) -> dict[str, object]:
    """A row of the table; money of an effect only where there is one to speak of."""
    held = int(draw.held_out.sum()) if draw else None
    return {
        **campaign.model_dump(include={"campaign_id", "name", "starts_on", "ends_on"}),
        "as_of_date": as_of,
        "drawn_on": draw.drawn_on if draw else None,
        "budget_amount": campaign.budget_amount,
        "target_amount": campaign.target_amount,
        "treated_customers": len(draw.customer_ids) - held if draw and held is not None else None,
        "held_out_customers": held,
        "treated_mean_amount": effect.treated_mean if effect else None,
        "held_out_mean_amount": effect.held_out_mean if effect else None,
        "effect_amount": effect.difference if effect else None,
        "effect_low_amount": effect.low if effect else None,
        "effect_high_amount": effect.high if effect else None,
        "total_effect_amount": effect.difference * effect.treated if effect and effect.is_shown else None,
        "is_shown": effect.is_shown if effect else None,
        "note": note,
    }
