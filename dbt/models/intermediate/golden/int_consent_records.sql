/*
What each source record says about marketing. A refusal on a form (loyalty card, lead) is a withdrawal; a box that a
webshop does not show as ticked is nothing. An e-mail grant of a lead counts only once it was confirmed (double opt-in).
Consent is what is known now, also of the day of the run: a withdrawal must not wait until tomorrow.
*/
with members as (
    select
        *,
        coalesce(updated_at, issued_at) as recorded_at
    from {{ ref("stg_shop__loyalty_members") }}
),

leads as (
    select
        *,
        coalesce(consent_email and double_opt_in_at is not null, false) as is_confirmed,
        concat('lead form, text version ', coalesce(consent_text_version, 'unknown')) as evidence
    from {{ ref("stg_leads__leads") }}
),

-- What has no evidence but where it stands.
plain_statements as (
    {% for channel in ["email", "phone", "post"] %}
        select
            'shop' as source_system,
            member_no as source_record_id,
            '{{ channel }}' as channel,
            email,
            case when consent_{{ channel }} then 'granted' else 'withdrawn' end as status,
            recorded_at,
            'loyalty card form' as evidence
        from members
        where consent_{{ channel }} is not null
        union all
    {% endfor %}
    select
        'webshop' as source_system,
        customer_id as source_record_id,
        'email' as channel,
        email,
        'granted' as status,
        coalesce(updated_at, created_at) as recorded_at,
        'webshop newsletter' as evidence
    from {{ ref("stg_webshop__customers") }}
    where consent_email
    union all
    select
        'webshop' as source_system,
        customer_id as source_record_id,
        'email' as channel,
        email,
        'withdrawn' as status,
        withdrawn_at as recorded_at,
        'webshop newsletter ended' as evidence
    from {{ ref("stg_webshop__newsletter_withdrawals") }}
),

record_statements as (
    {% for channel in ["email", "phone", "post"] %}
        {%- set confirmed = "is_confirmed" if channel == "email" else "false" %}
        select
            'leads' as source_system,
            lead_id as source_record_id,
            '{{ channel }}' as channel,
            email,
            {{ lead_consent_status(channel) }} as status,
            {{ confirmed }} as is_double_opt_in,
            case when {{ confirmed }} then double_opt_in_at else captured_at end as recorded_at,
            concat(evidence, case when {{ confirmed }} then ', double opt-in' else '' end) as evidence,
            consent_text_version as text_version,
            case when {{ confirmed }} then double_opt_in_at end as double_opt_in_at,
            consent_ip_hash as ip_hash
        from leads
        where consent_{{ channel }} is not null
        union all
    {% endfor %}
    select
        source_system,
        source_record_id,
        channel,
        email,
        status,
        false as is_double_opt_in,
        recorded_at,
        evidence,
        {{ no_consent_evidence() }}
    from plain_statements
)

select
    assignment.customer_id,
    statements.source_system,
    statements.source_record_id,
    statements.channel,
    {{ address_for_consent("statements.email") }} as address,
    statements.status,
    statements.is_double_opt_in,
    statements.recorded_at,
    concat(statements.evidence, ' (', assignment.record_id, ')') as evidence,
    statements.text_version,
    statements.double_opt_in_at,
    statements.ip_hash
from record_statements as statements
inner join {{ source("identity", "identity_assignment") }} as assignment
    on concat(statements.source_system, ':', statements.source_record_id) = assignment.record_id
union all
select
    customer_id,
    'touchpoints' as source_system,
    cast(null as {{ dbt.type_string() }}) as source_record_id,
    'email' as channel,
    address,
    'withdrawn' as status,
    false as is_double_opt_in,
    recorded_at,
    evidence,
    {{ no_consent_evidence() }}
from {{ ref("int_mail_withdrawals") }}
