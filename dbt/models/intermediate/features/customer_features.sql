with past as (
    select
        *,
        {{ days_between("last_purchase_date", "snapshot_date") }} as recency_days, -- noqa: LT05
        {{ days_between("first_purchase_date", "snapshot_date") }} as tenure_days, -- noqa: LT05
        greatest(net_amount_91, 0) as recent_amount,
        greatest(net_amount_182 - net_amount_91, 0) as earlier_amount,
        shop_days_365 + branch_days_365 + webshop_days_365 as channel_days_365
    from {{ ref("int_customer_past") }}
)

select
    customer_id,
    snapshot_date,
    first_purchase_date,
    last_purchase_date,
    cast(recency_days as integer) as recency_days,
    cast(tenure_days as integer) as tenure_days,
    cast(purchase_days as integer) as purchase_days,
    cast(purchase_days_28 as integer) as purchase_days_28,
    cast(purchase_days_91 as integer) as purchase_days_91,
    cast(purchase_days_365 as integer) as purchase_days_365,
    cast(purchase_weeks_91 as integer) as active_weeks_91,
    {% for window in ["", "_28", "_91", "_365"] -%}
        {{ to_exact_amount("net_amount" ~ window) }} as net_amount{{ window }},
    {% endfor -%}
    -- Margin stays unknown for a customer none of whose purchases has a known cost.
    {% for window in ["", "_28", "_91", "_365"] -%}
        case when margin_days > 0 then {{ to_exact_amount("margin_amount" ~ window) }} end as margin_amount{{ window }},
    {% endfor -%}
    cast(median_gap_days as integer) as median_gap_days,
    round({{ divide("recency_days", "median_gap_days") }}, 4) as gap_ratio,
    round({{ divide("recent_amount - earlier_amount", "recent_amount + earlier_amount") }}, 4) as amount_trend,
    round({{ divide("net_amount_365", "purchase_days_365") }}, 4) as basket_amount_365,
    round({{ divide("item_quantity_365", "purchase_days_365") }}, 4) as basket_items_365,
    {{ return_share_pct("return_amount", "net_amount") }} as return_share_pct,
    {{ discount_share_pct("discount_amount_365", "net_amount_365") }} as discount_share_pct,
    cast(new_channels as integer) as channel_count,
    cast(
        {% for channel in ["shop", "branch", "webshop"] -%}
            case when {{ channel }}_days_365 > 0 then 1 else 0 end {{ "+" if not loop.last }}
        {% endfor %}
        as integer
    ) as channels_365,
    {% for channel in ["shop", "branch", "webshop"] -%}
        round(100 * {{ divide(channel ~ "_days_365", "channel_days_365") }}, 4) as {{ channel }}_share_pct,
    {% endfor -%}
    cast(new_categories as integer) as category_count,
    cast(tickets_365 as integer) as tickets_365,
    cast(complaints_365 as integer) as complaints_365,
    round({{ divide("nps_points_365", "nps_answers_365") }}, 4) as nps_365,
    round({{ divide("csat_points_365", "csat_answers_365") }}, 4) as csat_365,
    cast(mails_sent_91 as integer) as mails_sent_91,
    cast(mail_opens_91 as integer) as mail_opens_91,
    cast(mail_clicks_91 as integer) as mail_clicks_91,
    cast(web_visits_91 as integer) as web_visits_91,
    cast(visits_365 as integer) as visits_365,
    email_grants > 0 and email_withdrawals = 0 as has_email_consent
from past
