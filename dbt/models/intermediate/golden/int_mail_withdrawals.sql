-- An unsubscription or complaint is one of the address, so of everybody who uses it.
with unsubscriptions as (
    select
        {{ address_for_consent("email") }} as address,
        event,
        max(occurred_at) as recorded_at
    from {{ ref("stg_touchpoints__mail_events") }}
    where event in ('unsubscribe', 'complaint')
    group by {{ address_for_consent("email") }}, event
),

record_addresses as (
    select distinct
        assignment.customer_id,
        {{ address_for_consent("records.email") }} as address
    from {{ ref("int_source_records") }} as records
    inner join {{ source("identity", "identity_assignment") }} as assignment
        on records.record_id = assignment.record_id
)

select
    addresses.customer_id,
    unsubscriptions.address,
    unsubscriptions.recorded_at,
    concat('mail ', unsubscriptions.event) as evidence
from unsubscriptions
inner join record_addresses as addresses on unsubscriptions.address = addresses.address
