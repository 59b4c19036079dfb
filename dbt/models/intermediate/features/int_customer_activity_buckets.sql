{% set measures = [
    "purchase_days", "net_amount", "margin_amount", "return_amount", "new_channels", "new_categories",
    "tickets", "complaints", "mail_opens", "mail_clicks", "margin_days",
] %}
select
    customer_id,
    cast(floor(days_ago / 91.0) as integer) as bucket_no,
    -- The youngest day of a bucket, which a window of 365 = 4 x 91 + 1 days takes from its fifth bucket.
    days_ago % 91 = 0 as is_youngest_day,
    min(case when purchase_days > 0 then activity_date end) as first_purchase_date,
    max(case when purchase_days > 0 then activity_date end) as last_purchase_date,
    {% for measure in measures %}
        sum({{ measure }}) as {{ measure }}{% if not loop.last %},{% endif %}
    {% endfor %}
from {{ ref("int_customer_activity_days") }}
group by customer_id, cast(floor(days_ago / 91.0) as integer), days_ago % 91 = 0
