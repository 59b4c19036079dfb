-- What a customer bought and returned, day by day, before the day of the run.
with purchases as (
    select
        customer_id,
        purchase_date as activity_date,
        case when order_count > 0 then 1 else 0 end as purchase_days,
        net_amount,
        margin_amount
    from {{ ref("customer_purchase_day") }}
),

-- A week counts on its first purchase day, so that weeks can be added up like days.
purchase_weeks as (
    select
        customer_id,
        min(activity_date) as activity_date,
        1 as purchase_weeks
    from purchases
    where purchase_days > 0
    group by customer_id, {{ dbt.date_trunc("week", "activity_date") }}
),

gaps as (
    select
        customer_id,
        activity_date,
        {{ days_between(
            "lag(activity_date) over (partition by customer_id order by activity_date)", "activity_date"
        ) }} as gap_days
    from purchases
    where purchase_days > 0
),

sales as (
    select
        *,
        cast(sold_at as date) as activity_date
    from {{ ref("int_sales") }}
    where customer_id is not null and sold_at < {{ as_of_at() }}
),

sale_sums as (
    select
        customer_id,
        activity_date,
        sum(return_amount) as return_amount,
        sum(discount_amount) as discount_amount,
        sum(case when purchase_count > 0 then item_quantity end) as item_quantity,
        max(case when purchase_count > 0 and channel = 'shop' then 1 else 0 end) as shop_days,
        max(case when purchase_count > 0 and channel = 'branch' then 1 else 0 end) as branch_days,
        max(case when purchase_count > 0 and channel = 'webshop' then 1 else 0 end) as webshop_days
    from sales
    where is_turnover
    group by customer_id, activity_date
),

first_channel_days as (
    select
        customer_id,
        min(activity_date) as activity_date,
        1 as new_channels
    from sales
    where purchase_count > 0
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

days as (
    {% for relation, columns in [
        ("purchases", ["purchase_days", "net_amount", "margin_amount"]),
        ("purchase_weeks", ["purchase_weeks"]),
        ("gaps", ["gap_days"]),
        ("sale_sums", [
            "return_amount", "discount_amount", "item_quantity", "shop_days", "branch_days", "webshop_days",
        ]),
        ("first_channel_days", ["new_channels"]),
        ("first_category_days", ["new_categories"]),
    ] %}
        select
            customer_id,
            activity_date,
            {% for measure in sale_measures() + ["gap_days"] %}
                {{ measure if measure in columns else "null" }} as {{ measure }}{% if not loop.last %},{% endif %}
            {% endfor %}
        from {{ relation }}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select
    customer_id,
    activity_date,
    {% for measure in sale_measures() -%}
        coalesce(sum({{ measure }}), 0) as {{ measure }},
    {% endfor -%}
    count(margin_amount) as margin_days,
    max(gap_days) as gap_days
from days
group by customer_id, activity_date
