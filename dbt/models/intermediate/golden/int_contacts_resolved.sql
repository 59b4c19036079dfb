-- Contacts that carry a reference, an address or a number, with the customer these lead to; null when none does.
with contacts as (
    select
        concat('mail:', mail_event_id) as touchpoint_id,
        cast(null as {{ dbt.type_string() }}) as customer_ref,
        email,
        cast(null as {{ dbt.type_string() }}) as phone
    from {{ ref("stg_touchpoints__mail_events") }}
    union all
    select
        concat('ticket:', ticket_id) as touchpoint_id,
        customer_ref,
        email,
        phone
    from {{ ref("stg_touchpoints__tickets") }}
    union all
    select
        concat('survey:', survey_id, ':', question) as touchpoint_id,
        customer_ref,
        email,
        cast(null as {{ dbt.type_string() }}) as phone
    from {{ ref("stg_touchpoints__surveys") }}
    union all
    select
        concat('web:', web_event_id) as touchpoint_id,
        cast(null as {{ dbt.type_string() }}) as customer_ref,
        email,
        cast(null as {{ dbt.type_string() }}) as phone
    from {{ ref("stg_touchpoints__web_events") }}
    where email is not null
),

-- One normalisation per address, not per event: a campaign writes to the same address again and again.
addresses as (
    select
        email,
        {{ normalise_email("email") }} as normalised_email
    from contacts
    where email is not null
    group by email
)

select
    contacts.touchpoint_id,
    coalesce(
        by_reference.customer_id, by_card.customer_id, by_email.customer_id, by_phone.customer_id
    ) as customer_id
from contacts
left join addresses on contacts.email = addresses.email
left join {{ ref("int_contact_keys") }} as by_reference
    on
        by_reference.key_type = 'reference'
        and contacts.customer_ref = by_reference.key_value
left join {{ ref("int_contact_keys") }} as by_card
    on
        by_card.key_type = 'card'
        and {{ normalised_card_no("contacts.customer_ref") }} = by_card.key_value
left join {{ ref("int_contact_keys") }} as by_email
    on
        by_email.key_type = 'email'
        and addresses.normalised_email = by_email.key_value
left join {{ ref("int_contact_keys") }} as by_phone
    on
        by_phone.key_type = 'phone'
        and {{ normalise_phone("contacts.phone", "cast(null as varchar)") }} = by_phone.key_value
