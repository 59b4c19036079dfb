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
        {{ lead_consent_status("email") }} as email_status,
        {{ lead_consent_status("phone") }} as phone_status,
        {{ lead_consent_status("post") }} as post_status,
        coalesce(consent_email and double_opt_in_at is not null, false) as is_double_opt_in,
        double_opt_in_at,
        captured_at,
        concat('lead form, text version ', coalesce(consent_text_version, 'unknown')) as evidence
    from {{ ref("stg_leads__leads") }}
),

record_statements as (
    select
        record_id,
        'email' as channel,
        email,
        email_status as status,
        is_double_opt_in,
        case when is_double_opt_in then double_opt_in_at else captured_at end as recorded_at,
        concat(evidence, case when is_double_opt_in then ', double opt-in' else '' end) as evidence
    from leads
    where email_status is not null
    union all
    {% for channel in ["phone", "post"] %}
        select
            record_id,
            '{{ channel }}' as channel,
            email,
            {{ channel }}_status as status,
            false as is_double_opt_in,
            captured_at as recorded_at,
            evidence
        from leads
        where {{ channel }}_status is not null
        union all
    {% endfor %}
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
    customer_id,
    'email' as channel,
    address,
    'withdrawn' as status,
    false as is_double_opt_in,
    recorded_at,
    evidence
from {{ ref("int_mail_withdrawals") }}
