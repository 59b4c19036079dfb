"""What each segment is: size, money now and expected, categories, channels, age, region, what is special."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa

from ml import registry
from ml.clv.intervals import Intervals
from ml.clv.scenarios import Scenario, simulate
from ml.data import FloatArray, fetch, relation_exists, texts

_VIEWS = ("value_stage", "segment", "needs_segment")
_TRAITS = {
    "purchase_days_365": "purchases a year",
    "basket_amount_365": "amount per purchase",
    "discount_share_pct": "share bought at a discount",
    "return_share_pct": "share returned",
    "webshop_share_pct": "share of the webshop",
    "category_count": "groups of goods",
    "complaints_365": "complaints",
    "mail_opens_91": "mails opened",
}
_TOP_CATEGORIES = 3
_TOP_TRAITS = 4


@dataclass(frozen=True)
class Outlook:
    """Expected value per customer over the horizon, discounted, and how the hold-outs strayed from it."""

    value: FloatArray
    horizon_days: int
    intervals: Intervals | None

    @classmethod
    def of(cls, manifest: registry.Manifest | None, value: FloatArray, horizon_days: int) -> Outlook:
        learnt = manifest["parameters"].get("intervals") if manifest else None
        return cls(value, horizon_days, Intervals.from_json(learnt) if learnt else None)

    def scenarios(self, member_of: np.ndarray, groups: int) -> list[Scenario | None]:
        """Worst, realistic and best sum per group; None without a hold-out."""
        if self.intervals is None:
            return [None] * groups
        return list(simulate(self.value, member_of, groups, self.intervals, self.horizon_days))


def profiles(
    connection: duckdb.DuckDBPyConnection, members: pa.Table, as_of: date, outlook: Outlook
) -> pa.Table:
    """One row per view × segment. `members` has customer_id, the views, and current and potential value."""
    rows: list[pa.Table] = []
    for view in _VIEWS:
        names = texts(members, view)
        known = sorted({name for name in names if name is not None})
        if not known:
            continue
        number = {name: i for i, name in enumerate(known)}
        member_of = np.array([number.get(name, -1) for name in names], dtype=np.int64)
        cases = outlook.scenarios(member_of, len(known))
        table = _facts(connection, members, view, as_of)
        assert texts(table, "segment").tolist() == known
        for column, values in (
            ("worst_amount", [c.worst if c else None for c in cases]),
            ("realistic_amount", [c.realistic if c else None for c in cases]),
            ("best_amount", [c.best if c else None for c in cases]),
        ):
            table = table.append_column(column, pa.array(values, pa.float64()))
        rows.append(table)
    joined = pa.concat_tables(rows)
    size = joined.num_rows
    return joined.append_column("as_of_date", pa.array([as_of] * size, pa.date32())).append_column(
        "horizon_days", pa.array([outlook.horizon_days] * size, pa.int32())
    )


def _facts(connection: duckdb.DuckDBPyConnection, members: pa.Table, view: str, as_of: date) -> pa.Table:
    """Sums, and the description in words, per segment of one view, sorted by segment."""
    connection.register("_members", members)
    products = relation_exists(connection, "features", "customer_product")
    people = relation_exists(connection, "golden", "int_golden_records")
    traits = ", ".join(f"avg(round({name}, 4))::double as {name}" for name in _TRAITS)
    unlike = ", ".join(
        f"{{'text': '{text}', 'ratio': round(s.{name} / nullif(a.{name}, 0), 4)}}"
        for name, text in _TRAITS.items()
    )
    try:
        return fetch(
            connection,
            f"""
            with member as (
                select {view} as segment, m.customer_id, m.current_value, m.potential_value,
                    f.* exclude (customer_id, snapshot_date)
                from _members m join features.customer_features f
                    on m.customer_id = f.customer_id and f.snapshot_date = $as_of
                where {view} is not null
            ),
            everybody as (select count(*) as customers, {traits} from member),
            sums as (
                select segment, count(*) as customers, sum(purchase_days_365) >= count(*) / 10 as bought,
                    sum(net_amount_365) as revenue_365_amount, sum(margin_amount_365) as margin_365_amount,
                    sum(round(current_value, 2)::decimal(18,2)) as current_value_amount,
                    sum(round(potential_value, 2)::decimal(18,2)) as potential_value_amount,
                    avg(round(shop_share_pct, 2)) as shop, avg(round(branch_share_pct, 2)) as branch,
                    avg(round(webshop_share_pct, 2)) as webshop, {traits}
                from member group by segment
            ),
            category as (
                {_categories() if products else _NOBODY.format(column="categories")}
            ),
            person as (
                {_people() if people else _NOBODY.format(column="people")}
            ),
            trait as (
                select segment, unnest([{unlike}]) as t
                from sums s cross join everybody a
            ),
            ranked_trait as (
                select segment, t.text as trait, t.ratio as ratio, row_number() over (
                    partition by segment order by abs(ln(greatest(t.ratio, 0.01))) desc, t.text
                ) as place
                from trait where abs(ln(greatest(t.ratio, 0.01))) >= 0.2
            ),
            apart as (
                select segment,
                    string_agg(printf('%s ×%.1f', trait, ratio), ', ' order by place) as traits
                from ranked_trait where place <= {_TOP_TRAITS} group by segment
            )
            select '{view}' as view, s.segment, s.customers::bigint as customers, s.revenue_365_amount,
                s.margin_365_amount, s.current_value_amount, s.potential_value_amount,
                concat_ws('; ',
                    printf('%.1f %% of customers', 100.0 * s.customers / e.customers),
                    'buys ' || c.categories,
                    nullif(concat_ws(', ',
                        case when s.bought and s.shop >= 10 then printf('tills %.0f %%', s.shop) end,
                        case when s.bought and s.branch >= 10 then printf('branch %.0f %%', s.branch) end,
                        case when s.bought and s.webshop >= 10 then printf('webshop %.0f %%', s.webshop) end
                    ), ''),
                    p.people, 'against the average: ' || a.traits
                ) as description
            from sums s cross join everybody e
            left join category c on s.segment = c.segment
            left join person p on s.segment = p.segment
            left join apart a on s.segment = a.segment
            order by s.segment
            """,
            {"as_of": as_of, "begin": as_of - timedelta(days=365)} if products else {"as_of": as_of},
        )
    finally:
        connection.unregister("_members")


_NOBODY = "select null::varchar as segment, null::varchar as {column} where false"


def _categories() -> str:
    return f"""
        select segment, string_agg(printf('%s %.0f %%', category, share), ', ' order by share desc, category)
            as categories
        from (
            select m.segment, d.category,
                100.0 * sum(d.net_amount)::double
                    / sum(sum(d.net_amount)::double) over (partition by m.segment) as share,
                row_number() over (
                    partition by m.segment order by sum(d.net_amount) desc, d.category
                ) as place
            from member m join features.customer_product d on m.customer_id = d.customer_id
            where d.category is not null and d.net_amount > 0
                and d.purchase_date >= $begin and d.purchase_date < $as_of
            group by m.segment, d.category
        )
        where place <= {_TOP_CATEGORIES}
        group by segment
    """


def _people() -> str:
    return """
        select m.segment, concat_ws(', ',
                'median age ' || quantile_disc(date_diff('year', g.birth_date, $as_of::date), 0.5),
                'most in ' || mode(substr(g.postal_code, 1, 2) order by g.postal_code) || '…'
            ) as people
        from member m join golden.int_golden_records g on m.customer_id = g.customer_id
        group by m.segment
    """
