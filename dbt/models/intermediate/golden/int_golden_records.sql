{% set groups = [
    "name", "company_name", "vat_id", "birth_date", "email", "phone", "address", "branch_id", "sales_rep_id"
] %}
with records as (
    select * from {{ ref("int_customer_records") }}
),

winners as (
    select
        {% for group in groups %}
            max(case when attribute_group = '{{ group }}' then record_id end) as {{ group }}_record_id,
            max(case when attribute_group = '{{ group }}' then group_value end) as {{ group }}_value,
        {% endfor %}
        customer_id
    from {{ ref("int_golden_attributes_ranked") }}
    where attribute_rank = 1
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
),

first_records as (
    select
        customer_id,
        first_source,
        row_number() over (
            partition by customer_id order by coalesce(created_at, updated_at) nulls last, record_id
        ) as seen_rank
    from records
)

select
    summaries.customer_id,
    summaries.kind,
    name_records.salutation,
    name_records.title,
    name_records.first_name,
    name_records.last_name,
    winners.company_name_value as company_name,
    winners.vat_id_value as vat_id,
    winners.email_value as email,
    winners.phone_value as phone,
    address_records.street,
    address_records.house_no,
    address_records.postal_code,
    address_records.city,
    address_records.country,
    address_records.address_key,
    {{ name_key("name_records.last_name") }} as last_key,
    cast(winners.birth_date_value as date) as birth_date,
    winners.branch_id_value as branch_id,
    winners.sales_rep_id_value as sales_rep_id,
    summaries.first_seen_at,
    first_records.first_source,
    summaries.source_systems,
    summaries.record_count,
    summaries.is_junk
from summaries
left join winners on summaries.customer_id = winners.customer_id
left join first_records on summaries.customer_id = first_records.customer_id and first_records.seen_rank = 1
left join records as name_records on winners.name_record_id = name_records.record_id
left join records as address_records on winners.address_record_id = address_records.record_id
