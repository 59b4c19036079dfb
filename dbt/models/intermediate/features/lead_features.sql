with leads as (
    select
        leads.*,
        assignment.customer_id
    from {{ ref("stg_leads__leads") }} as leads
    left join {{ source("identity", "identity_assignment") }} as assignment
        on concat('leads:', leads.lead_id) = assignment.record_id
    where leads.captured_at < {{ as_of_at() }}
),

purchases as (
    select
        customer_id,
        sold_at
    from {{ ref("int_sales") }}
    where customer_id is not null and purchase_count > 0 and sold_at < {{ as_of_at() }}
),

purchases_around as (
    select
        leads.lead_id,
        max(case when purchases.sold_at <= leads.captured_at then 1 else 0 end) as purchased_before,
        min(case when purchases.sold_at > leads.captured_at then purchases.sold_at end) as converted_at
    from leads
    inner join purchases on leads.customer_id = purchases.customer_id
    group by leads.lead_id
)

select
    leads.lead_id,
    leads.customer_id,
    leads.captured_at,
    leads.lead_source,
    leads.campaign,
    leads.phone is not null as has_phone,
    leads.company_name is not null as has_company,
    leads.street is not null and leads.city is not null as has_address,
    leads.message is not null as has_message,
    cast({{ list_size("leads.interests") }} as integer) as interest_count,
    coalesce(leads.consent_email, false) as consent_email,
    coalesce(purchases_around.purchased_before, 0) = 1 as was_customer,
    purchases_around.converted_at
from leads
left join purchases_around on leads.lead_id = purchases_around.lead_id
