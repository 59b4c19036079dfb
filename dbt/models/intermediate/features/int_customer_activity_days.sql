/*
What is known of a customer's days, in measures that may be added up over any days: the one definition that training,
scoring and history share. Features of a day are sums over the days before it (see int_customer_past).
*/
{% set sales, contacts = sale_measures(), contact_measures() %}
with sale_days as (
    select * from {{ ref("int_customer_sale_days") }}
),

contact_days as (
    select * from {{ ref("int_customer_contact_days") }}
)

select
    coalesce(sale_days.customer_id, contact_days.customer_id) as customer_id,
    coalesce(sale_days.activity_date, contact_days.activity_date) as activity_date,
    {% for measure in sales + ["margin_days"] -%}
        {{ as_measure(measure, "coalesce(sale_days." ~ measure ~ ", 0)") }} as {{ measure }},
    {% endfor -%}
    {% for measure in contacts -%}
        {{ as_measure(measure, "coalesce(contact_days." ~ measure ~ ", 0)") }} as {{ measure }},
    {% endfor -%}
    cast(sale_days.gap_days as integer) as gap_days
from sale_days
full outer join contact_days
    on
        sale_days.customer_id = contact_days.customer_id
        and sale_days.activity_date = contact_days.activity_date
