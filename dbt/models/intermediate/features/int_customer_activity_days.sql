/*
What a customer did, day by day, in additive measures. `days_ago` counts back from the day before the run; 91 days make
a bucket, so that a sum over any snapshot's past is a sum of buckets (see customer_features).
*/
{% set measures = [
    "purchase_days", "net_amount", "margin_amount", "return_amount", "new_channels", "new_categories",
    "tickets", "complaints", "mail_opens", "mail_clicks",
] %}
with purchases as (
    select
        customer_id,
        purchase_date as activity_date,
        case when order_count > 0 then 1 else 0 end as purchase_days,
        net_amount,
        margin_amount
    from {{ ref("customer_purchase_day") }}
),

sale_returns as (
    select
        customer_id,
        cast(sold_at as date) as activity_date,
        sum(return_amount) as return_amount
    from {{ ref("int_sales") }}
    where customer_id is not null and is_turnover and return_amount <> 0 and sold_at < {{ as_of_at() }}
    group by customer_id, cast(sold_at as date)
),

first_channel_days as (
    select
        customer_id,
        min(cast(sold_at as date)) as activity_date,
        1 as new_channels
    from {{ ref("int_sales") }}
    where customer_id is not null and purchase_count > 0 and sold_at < {{ as_of_at() }}
    group by customer_id, channel
),

first_category_days as (
    select
        customer_id,
        min(cast(sold_at as date)) as activity_date,
        1 as new_categories
    from {{ ref("int_sale_lines") }}
    where
        customer_id is not null
        and is_turnover
        and category is not null
        and quantity > 0
        and sold_at < {{ as_of_at() }}
    group by customer_id, category
),

contacts as (
    select
        customer_id,
        cast(occurred_at as date) as activity_date,
        case when kind in ('ticket', 'complaint') then 1 else 0 end as tickets,
        case when kind = 'complaint' then 1 else 0 end as complaints,
        case when kind = 'mail_open' then 1 else 0 end as mail_opens,
        case when kind = 'mail_click' then 1 else 0 end as mail_clicks
    from {{ ref("int_touchpoints") }}
    where
        customer_id is not null
        and kind in ('ticket', 'complaint', 'mail_open', 'mail_click')
        and occurred_at < {{ as_of_at() }}
),

activities as (
    {% for relation, columns in [
        ("purchases", ["purchase_days", "net_amount", "margin_amount"]),
        ("sale_returns", ["return_amount"]),
        ("first_channel_days", ["new_channels"]),
        ("first_category_days", ["new_categories"]),
        ("contacts", ["tickets", "complaints", "mail_opens", "mail_clicks"]),
    ] %}
        select
            customer_id,
            activity_date,
            {% for measure in measures %}
                {{ measure if measure in columns else "null" }} as {{ measure }}{% if not loop.last %},{% endif %}
            {% endfor %}
        from {{ relation }}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select
    customer_id,
    activity_date,
    {{ days_between("activity_date", as_of_date()) }} - 1 as days_ago,
    {% for measure in measures -%}
        coalesce(sum({{ measure }}), 0) as {{ measure }},
    {% endfor -%}
    count(margin_amount) as margin_days
from activities
group by customer_id, activity_date
