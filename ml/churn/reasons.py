"""Why a customer is thought to be at risk (or safe), in words.

A group of features is replaced by what is typical of the population; the change of the prediction is the
effect of the group. The two groups with the largest effect are told. This asks any model the same question.
"""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from ml.churn.models import DESIGN, ChurnModel
from ml.data import FloatArray, IntArray

GROUPS: dict[str, tuple[str, ...]] = {
    "rhythm": ("recency_days", "gap_ratio", "median_gap_days"),
    "frequency": (
        "purchase_days", "purchase_days_28", "purchase_days_91", "purchase_days_365", "active_weeks_91",
        "tenure_days",
    ),
    "value": (
        "net_amount", "net_amount_28", "net_amount_91", "net_amount_365", "margin_amount", "margin_amount_28",
        "margin_amount_91", "margin_amount_365", "amount_trend", "basket_amount_365", "basket_items_365",
        "discount_share_pct",
    ),
    "variety": (
        "channel_count", "channels_365", "category_count", "shop_share_pct", "branch_share_pct",
        "webshop_share_pct",
    ),
    "service": ("return_share_pct", "tickets_365", "complaints_365", "nps_365", "csat_365", "visits_365"),
    "mail": (
        "mails_sent_91", "mail_opens_91", "mail_clicks_91", "web_visits_91", "has_email_consent",
    ),
}  # fmt: skip
_MIN_EFFECT = 0.005

_DAYS = "recency_days::bigint || case when recency_days = 1 then ' day' else ' days' end"
_COUNT_91 = (
    "purchase_days_91::bigint || case when purchase_days_91 = 1 then ' purchase' else ' purchases' end"
)
_SENTENCES = {
    "rhythm": (
        "case when median_gap_days is null then 'one purchase so far, ' || " + _DAYS + " || ' ago' "
        "else 'last purchase ' || "
        + _DAYS
        + " || ' ago, usually every ' || round(median_gap_days)::bigint end"
    ),
    "frequency": _COUNT_91
    + " || ' in the last 13 weeks, ' || purchase_days_365::bigint || ' in the last year'",
    "value": "'revenue of ' || round(net_amount_91)::bigint || ' in the last 13 weeks, ' "
    "|| round(net_amount_365)::bigint || ' in the last year'",
    "variety": "'buys in ' || category_count::bigint || case when category_count = 1 then ' category' "
    "else ' categories' end || ' over ' || channel_count::bigint "
    "|| case when channel_count = 1 then ' channel' else ' channels' end",
    "service": "'returned ' || round(return_share_pct)::bigint || ' % of goods, ' || complaints_365::bigint "
    "|| case when complaints_365 = 1 then ' complaint' else ' complaints' end || ' in the last year'",
    "mail": "'opened ' || mail_opens_91::bigint || ' and clicked ' || mail_clicks_91::bigint "
    "|| ' mails in the last 13 weeks'",
}


def top_groups(model: ChurnModel, design: FloatArray, probability: FloatArray) -> IntArray:
    """The two groups with the largest effect per row (columns), −1 where there is none.

    For who is likelier to leave than the typical customer, only what raises the risk counts, for the others
    only what lowers it.
    """
    typical = np.array([np.median(v[np.isfinite(v)]) if np.isfinite(v).any() else np.nan for v in design.T])
    effects = np.zeros((len(design), len(GROUPS)))
    for number, names in enumerate(GROUPS.values()):
        places = [DESIGN.index(name) for name in names]
        changed = design.copy()
        changed[:, places] = typical[places]
        effects[:, number] = np.round(probability - model.predict(changed), 6)
    risky = probability >= np.median(probability) if len(probability) else np.empty(0, dtype=bool)
    towards = np.where(risky[:, None], effects, -effects)
    order = np.argsort(-towards, axis=1, kind="stable")[:, :2]
    strength = np.take_along_axis(towards, order, axis=1)
    return np.where(strength >= _MIN_EFFECT, order, -1)


def reasons(connection: duckdb.DuckDBPyConnection, features: pa.Table, groups: IntArray) -> pa.Array:
    """One text per row of `features`, in its order; the rhythm where no group stands out."""
    rows = features.select([name for names in GROUPS.values() for name in names])
    rows = rows.append_column("row_number", pa.array(np.arange(features.num_rows)))
    for place in (0, 1):
        rows = rows.append_column(f"group_{place}", pa.array(groups[:, place]))
    texts = list(_SENTENCES.values())

    def sentence(place: int) -> str:
        cases = " ".join(f"when {number} then {text}" for number, text in enumerate(texts))
        return f"case group_{place} {cases} end"

    connection.register("_reasons", rows)
    try:
        table = connection.execute(
            f"select concat_ws('; ', {sentence(0)}, {sentence(1)}) as reasons, {texts[0]} as rhythm "
            "from _reasons order by row_number"
        ).to_arrow_table()
    finally:
        connection.unregister("_reasons")
    found = table["reasons"].to_numpy(zero_copy_only=False)
    return pa.array(np.where(found == "", table["rhythm"].to_numpy(zero_copy_only=False), found), pa.string())
