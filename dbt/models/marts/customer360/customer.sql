with golden as (
    select * from {{ ref("int_golden_records") }}
),

lifecycle as (
    select * from {{ ref("int_customer_lifecycle") }}
),

households as (
    select * from {{ ref("int_household_members") }}
),

accounts as (
    select * from {{ ref("int_account_links") }}
)

select
    -- ids
    golden.customer_id,
    golden.kind,
    households.household_id,
    accounts.account_id,
    golden.branch_id,
    golden.sales_rep_id,

    -- lifecycle
    coalesce(lifecycle.lifecycle_stage, 'lead') as lifecycle_stage,
    coalesce(lifecycle.is_customer, false) as is_customer,
    lifecycle.became_customer_at,

    -- who
    golden.salutation,
    golden.title,
    golden.first_name,
    golden.last_name,
    golden.company_name,
    golden.vat_id,
    golden.birth_date,
    golden.is_junk,

    -- how to reach
    golden.email,
    golden.phone,
    golden.street,
    golden.house_no,
    golden.postal_code,
    golden.city,
    golden.country,

    -- origin
    golden.first_seen_at,
    golden.first_source,
    golden.source_systems,
    golden.record_count
from golden
left join lifecycle on golden.customer_id = lifecycle.customer_id
left join households on golden.customer_id = households.customer_id
left join accounts on golden.customer_id = accounts.customer_id
