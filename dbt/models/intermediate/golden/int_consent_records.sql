/*
What each source record says about marketing. A refusal on a form (loyalty card, lead) is a withdrawal; a box that a
webshop does not show as ticked is nothing. An e-mail grant of a lead counts only once it was confirmed (double opt-in).
Consent is what is known now, also of the day of the run: a withdrawal must not wait until tomorrow.
*/
with members as (
    select
        concat('shop:', member_no) as record_id,
        email,
        consent_email,
        consent_phone,
        consent_post,
        coalesce(updated_at, issued_at) as recorded_at
    from {{ ref("stg_shop__loyalty_members") }}
),

leads as (
    select
        concat('leads:', lead_id) as record_id,
        email,
        consent_email,
        consent_phone,
        consent_post,
        double_opt_in_at,
        captured_at,
        coalesce(consent_text_version, 'unknown') as text_version
    from {{ ref("stg_leads__leads") }}
),

record_statements as (
    {% for channel in ["email", "phone", "post"] %}
    select
        record_id,
        '{{ channel }}' as channel,
        email,
        case when consent_{{ channel }} then 'granted' else 'withdrawn' end as status,
        false as is_double_opt_in,
        recorded_at,
        'loyalty card form' as evidence
    from members
    where consent_{{ channel }} is not null
    union all
    select
        record_id,
        '{{ channel }}' as channel,
        email,
        {{ lead_consent_status(channel) }} as status,
        {{ "coalesce(consent_email and double_opt_in_at is not null, false)" if channel == "email" else "false" }}
            as is_double_opt_in,
        {{ "case when consent_email then coalesce(double_opt_in_at, captured_at) else captured_at end"
            if channel == "email" else "captured_at" }} as recorded_at,
        concat('lead form, text version ', text_version
        {%- if channel == "email" %}, case when double_opt_in_at is null then '' else ', double opt-in' end{% endif %})
            as evidence
    from leads
    where consent_{{ channel }} is not null
    union all
    {% endfor %}
    select
        concat('webshop:', customer_id) as record_id,
        'email' as channel,
        email,
        'granted' as status,
        false as is_double_opt_in,
        coalesce(updated_at, created_at) as recorded_at,
        'webshop newsletter' as evidence
    from {{ ref("stg_webshop__customers") }}
    where consent_email
    union all
    select
        concat('webshop:', customer_id) as record_id,
        'email' as channel,
        email,
        'withdrawn' as status,
        false as is_double_opt_in,
        withdrawn_at as recorded_at,
        'webshop newsletter ended' as evidence
    from {{ ref("stg_webshop__newsletter_withdrawals") }}
),

-- An unsubscription is one of the address, so of everybody who uses it.
unsubscriptions as (
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
    assignment.customer_id,
    statements.channel,
    {{ address_for_consent("statements.email") }} as address,
    statements.status,
    statements.is_double_opt_in,
    statements.recorded_at,
    concat(statements.evidence, ' (', statements.record_id, ')') as evidence
from record_statements as statements
inner join {{ source("identity", "identity_assignment") }} as assignment
    on statements.record_id = assignment.record_id
union all
select
    addresses.customer_id,
    'email' as channel,
    unsubscriptions.address,
    'withdrawn' as status,
    false as is_double_opt_in,
    unsubscriptions.recorded_at,
    concat('mail ', unsubscriptions.event) as evidence
from unsubscriptions
inner join record_addresses as addresses on unsubscriptions.address = addresses.address
