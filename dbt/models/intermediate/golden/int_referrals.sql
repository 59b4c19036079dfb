/*
Leads that say who sent them, with the customer this is: by a customer number, a card, an e-mail address, a telephone
number, or a full name that only one customer bears. Nobody refers themselves.
*/
with referred as (
    select
        leads.lead_id,
        leads.captured_at,
        leads.referred_by,
        {{ first_name_of("leads.referred_by") }} as first_name,
        {{ last_name_of("leads.referred_by") }} as last_name,
        assignment.customer_id
    from {{ ref("stg_leads__leads") }} as leads
    left join {{ source("identity", "identity_assignment") }} as assignment
        on concat('leads:', leads.lead_id) = assignment.record_id
    where leads.referred_by is not null
),

keyed as (
    select
        *,
        {{ name_key("first_name") }} as first_key,
        {{ name_key("last_name") }} as last_key
    from referred
),

bearers as (
    select
        {{ joined_values(["first_key", "last_key"]) }} as full_name_key,
        min(customer_id) as customer_id
    from {{ ref("int_golden_records") }}
    where kind = 'person' and not is_junk and first_key is not null and last_key is not null
    group by {{ joined_values(["first_key", "last_key"]) }}
    having count(*) = 1
),

resolved as (
    select
        referred.*,
        by_reference.customer_id as by_reference_id,
        by_card.customer_id as by_card_id,
        by_email.customer_id as by_email_id,
        by_phone.customer_id as by_phone_id,
        bearers.customer_id as by_name_id
    from keyed as referred
    left join {{ ref("int_contact_keys") }} as by_reference
        on by_reference.key_type = 'reference' and referred.referred_by = by_reference.key_value
    left join {{ ref("int_contact_keys") }} as by_card
        on by_card.key_type = 'card' and {{ normalised_card_no("referred.referred_by") }} = by_card.key_value
    left join {{ ref("int_contact_keys") }} as by_email
        on by_email.key_type = 'email' and {{ normalise_email("referred.referred_by") }} = by_email.key_value
    left join {{ ref("int_contact_keys") }} as by_phone
        on
            by_phone.key_type = 'phone'
            and {{ normalise_phone("referred.referred_by", "cast(null as varchar)") }} = by_phone.key_value
    left join bearers
        on {{ joined_values(["referred.first_key", "referred.last_key"]) }} = bearers.full_name_key
),

chosen as (
    select
        lead_id,
        captured_at,
        referred_by,
        customer_id,
        coalesce(by_reference_id, by_card_id, by_email_id, by_phone_id, by_name_id) as referrer_id,
        case
            when by_reference_id is not null then 'customer_number'
            when by_card_id is not null then 'card'
            when by_email_id is not null then 'email'
            when by_phone_id is not null then 'phone'
            when by_name_id is not null then 'name'
        end as resolved_by
    from resolved
)

select
    lead_id,
    captured_at as referred_at,
    referred_by,
    customer_id,
    case when customer_id is null or referrer_id <> customer_id then referrer_id end as referrer_customer_id,
    case
        when referrer_id is null then 'unknown'
        when referrer_id = customer_id then 'self'
        else resolved_by
    end as resolved_by
from chosen
