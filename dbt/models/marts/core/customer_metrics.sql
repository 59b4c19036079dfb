with customers as (
    select
        customer_id,
        {{ as_of_date() }} as as_of_date
    from {{ ref("int_customer_lifecycle") }}
),

purchase_days as (
    select
        customer_id,
        count(*) as purchase_day_count,
        min(purchase_date) as first_purchase_date,
        max(purchase_date) as last_purchase_date
    from {{ ref("customer_purchase_day") }}
    where order_count > 0
    group by customer_id
),

gaps as (
    select
        customer_id,
        {{ lower_median("gap_days") }} as median_gap_days
    from {{ ref("int_customer_sale_days") }}
    group by customer_id
)

select
    customers.customer_id,
    customers.as_of_date,

    -- sales
    cast(coalesce(sales.order_count, 0) as integer) as order_count,
    cast(coalesce(sales.order_count_365, 0) as integer) as order_count_365,
    cast(coalesce(days.purchase_day_count, 0) as integer) as purchase_day_count,
    {{ to_exact_amount("coalesce(sales.revenue_amount, 0)") }} as revenue_amount,
    {{ to_exact_amount("coalesce(sales.revenue_365_amount, 0)") }} as revenue_365_amount,
    {{ to_exact_amount("sales.margin_amount") }} as margin_amount,
    {{ to_exact_amount("sales.margin_365_amount") }} as margin_365_amount,
    {{ to_exact_amount("coalesce(sales.discount_amount, 0)") }} as discount_amount,
    {{ to_exact_amount("coalesce(sales.return_amount, 0)") }} as return_amount,
    {{ return_share_pct("coalesce(sales.return_amount, 0)", "coalesce(sales.revenue_amount, 0)") }}
        as return_share_pct,
    {{ to_amount(divide("sales.revenue_amount", "sales.order_count")) }} as average_basket_amount,

    -- rhythm
    days.first_purchase_date,
    days.last_purchase_date,
    cast({{ days_between("days.last_purchase_date", "customers.as_of_date") }} as integer) as days_since_purchase,  -- noqa: LT05
    cast({{ days_between("days.first_purchase_date", "customers.as_of_date") }} as integer) as tenure_days,  -- noqa: LT05
    cast(gaps.median_gap_days as integer) as median_gap_days,

    -- habits
    cast(coalesce(sales.channel_count, 0) as integer) as channel_count,
    sales.favourite_channel,
    sales.favourite_category,

    -- contacts
    contacts.last_contact_at,
    cast({{ days_between("contacts.last_contact_at", "customers.as_of_date") }} as integer) as days_since_contact,  -- noqa: LT05
    cast(coalesce(contacts.visit_count, 0) as integer) as visit_count,
    cast(coalesce(contacts.ticket_count, 0) as integer) as ticket_count,
    cast(coalesce(contacts.complaint_count, 0) as integer) as complaint_count,
    contacts.nps_score,
    contacts.csat_score,
    cast(coalesce(contacts.mail_sent_count, 0) as integer) as mail_sent_count,
    cast(coalesce(contacts.mail_open_count, 0) as integer) as mail_open_count,
    cast(coalesce(contacts.mail_click_count, 0) as integer) as mail_click_count,
    round(100.0 * {{ divide("contacts.mail_open_count", "contacts.mail_sent_count") }}, 2) as open_rate_pct,
    round(100.0 * {{ divide("contacts.mail_click_count", "contacts.mail_sent_count") }}, 2) as click_rate_pct
from customers
left join {{ ref("int_customer_sales") }} as sales on customers.customer_id = sales.customer_id
left join purchase_days as days on customers.customer_id = days.customer_id
left join gaps on customers.customer_id = gaps.customer_id
left join {{ ref("int_customer_contacts") }} as contacts on customers.customer_id = contacts.customer_id
