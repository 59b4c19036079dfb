-- An address whose mails come back, until one arrives again; an address whose owner called our mail spam.
with events as (
    select
        {{ normalise_email("email") }} as email_key,
        event,
        max(occurred_at) as last_at
    from {{ ref("stg_touchpoints__mail_events") }}
    where event in ('hard_bounce', 'complaint', 'delivered', 'open', 'click')
    group by {{ normalise_email("email") }}, event
),

addresses as (
    select
        email_key,
        max(case when event = 'hard_bounce' then last_at end) as bounced_at,
        max(case when event = 'complaint' then last_at end) as complained_at,
        max(case when event in ('delivered', 'open', 'click') then last_at end) as arrived_at
    from events
    where email_key is not null
    group by email_key
)

select
    email_key,
    case when complained_at is not null then 'complaint' else 'bounce' end as problem
from addresses
where
    complained_at is not null
    or (bounced_at is not null and (arrived_at is null or arrived_at < bounced_at))
