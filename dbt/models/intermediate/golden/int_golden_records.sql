{% set fields = golden_fields() %}
with records as (
    select * from {{ ref("int_customer_records") }}
),

golden_values as (
    select
        {% for group in fields.values() %}
            {% for field in group %}
                max(case when attribute = '{{ field }}' then attribute_value end) as {{ field }},
            {% endfor %}
        {% endfor %}
        customer_id
    from {{ ref("int_golden_values") }}
    group by customer_id
),

summaries as (
    select
        customer_id,
        min(kind) as kind,
        min(coalesce(created_at, updated_at)) as first_seen_at,
        {{ list_agg_sorted("source_system") }} as source_systems,
        cast(count(*) as integer) as record_count,
        min(case when is_junk then 1 else 0 end) = 1 as is_junk
    from records
    group by customer_id
)

select
    summaries.customer_id,
    summaries.kind,
    golden_values.salutation,
    golden_values.title,
    golden_values.first_name,
    golden_values.last_name,
    golden_values.company_name,
    golden_values.vat_id,
    golden_values.email,
    golden_values.phone,
    golden_values.street,
    golden_values.house_no,
    golden_values.postal_code,
    golden_values.city,
    golden_values.country,
    {{ postal_code_key("golden_values.postal_code") }} || '|' || {{ street_key("golden_values.street") }} || '|'
    || {{ house_no_key("golden_values.house_no") }} as address_key,
    {{ name_key("golden_values.first_name") }} as first_key,
    {{ name_key("golden_values.last_name") }} as last_key,
    {{ try_cast_to("golden_values.birth_date", "date") }} as birth_date,
    golden_values.branch_id,
    golden_values.sales_rep_id,
    summaries.first_seen_at,
    summaries.source_systems,
    summaries.record_count,
    summaries.is_junk
from summaries
left join golden_values on summaries.customer_id = golden_values.customer_id
