-- What passed between a customer and the company besides sales, day by day, before the day of the run.
with contacts as (
    select
        customer_id,
        cast(occurred_at as date) as activity_date,
        kind,
        case when kind in ('survey_nps', 'survey_csat') then {{ try_cast_to("subject", "integer") }} end as score
    from {{ ref("int_touchpoints") }}
    where
        customer_id is not null
        and occurred_at < {{ as_of_at() }}
        and (
            kind in (
                'ticket', 'complaint', 'mail_sent', 'mail_open', 'mail_click', 'visit', 'survey_nps', 'survey_csat'
            )
            or kind like 'web_%'
        )
),

contact_measures as (
    select
        customer_id,
        activity_date,
        case when kind in ('ticket', 'complaint') then 1 else 0 end as tickets,
        case when kind = 'complaint' then 1 else 0 end as complaints,
        case when kind = 'mail_sent' then 1 else 0 end as mails_sent,
        case when kind = 'mail_open' then 1 else 0 end as mail_opens,
        case when kind = 'mail_click' then 1 else 0 end as mail_clicks,
        case when kind = 'visit' then 1 else 0 end as visits,
        case when kind like 'web_%' then 1 else 0 end as web_visits,
        case when kind = 'survey_nps' and score is not null then 1 else 0 end as nps_answers,
        case when kind = 'survey_nps' then score else 0 end as nps_points,
        case when kind = 'survey_csat' and score is not null then 1 else 0 end as csat_answers,
        case when kind = 'survey_csat' then score else 0 end as csat_points,
        0 as email_grants,
        0 as email_withdrawals
    from contacts
),

-- Statements without a date are no part of any day: nobody can tell since when they hold.
consent_measures as (
    select
        customer_id,
        cast(recorded_at as date) as activity_date,
        {% for measure in contact_measures() if not measure.startswith("email_") %}
            0 as {{ measure }},
        {% endfor %}
        case when status = 'granted' then 1 else 0 end as email_grants,
        case when status = 'withdrawn' then 1 else 0 end as email_withdrawals
    from {{ ref("int_consent_records") }}
    where
        customer_id is not null
        and channel = 'email'
        and status in ('granted', 'withdrawn')
        and recorded_at < {{ as_of_at() }}
),

measures as (
    {% for relation in ["contact_measures", "consent_measures"] %}
        select
            customer_id,
            activity_date,
            {% for measure in contact_measures() %}
                {{ measure }}{% if not loop.last %},{% endif %}
            {% endfor %}
        from {{ relation }}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select
    customer_id,
    activity_date,
    {% for measure in contact_measures() %}
        sum({{ measure }}) as {{ measure }}{% if not loop.last %},{% endif %}
    {% endfor %}
from measures
group by customer_id, activity_date
