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
),

first_touches as (
    select * from {{ ref("int_first_touch") }}
),

-- The first lead that somebody sent us.
referrals as (
    select
        customer_id,
        referrer_customer_id,
        row_number() over (partition by customer_id order by referred_at, lead_id) as referral_rank
    from {{ ref("int_referrals") }}
    where customer_id is not null and referrer_customer_id is not null
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
    first_touches.first_source,
    first_touches.first_campaign,
    first_touches.first_branch_id,
    referrals.referrer_customer_id as referred_by_customer_id,
    golden.source_systems,
    golden.record_count
from golden
left join lifecycle on golden.customer_id = lifecycle.customer_id
left join households on golden.customer_id = households.customer_id
left join accounts on golden.customer_id = accounts.customer_id
left join first_touches on golden.customer_id = first_touches.customer_id
left join referrals on golden.customer_id = referrals.customer_id and referrals.referral_rank = 1
