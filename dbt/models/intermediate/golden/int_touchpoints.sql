-- Guest sales have nobody to be in contact with; they stand in `sale`.
with sales as (
    select
        concat('sale:', sale_id) as touchpoint_id,
        customer_id,
        sold_at as occurred_at,
        channel,
        case when is_return then 'return' when is_reversal then 'reversal' else 'purchase' end as kind,
        cast(null as {{ dbt.type_string() }}) as subject,
        channel as source_system,
        source_record_id
    from {{ ref("int_sales") }}
    where customer_id is not null and is_turnover
),

mails as (
    select
        concat('mail:', mail_event_id) as touchpoint_id,
        resolved.customer_id,
        events.occurred_at,
        'email' as channel,
        concat('mail_', events.event) as kind,
        coalesce(events.campaign_name, events.campaign_id) as subject,
        'touchpoints' as source_system,
        events.mail_event_id as source_record_id
    from {{ ref("stg_touchpoints__mail_events") }} as events
    left join {{ ref("int_contacts_resolved") }} as resolved
        on concat('mail:', events.mail_event_id) = resolved.touchpoint_id
),

tickets as (
    select
        concat('ticket:', tickets.ticket_id) as touchpoint_id,
        resolved.customer_id,
        tickets.opened_at as occurred_at,
        coalesce(lower(nullif(trim(tickets.channel), '')), 'service') as channel,
        case when tickets.is_complaint then 'complaint' else 'ticket' end as kind,
        tickets.topic as subject,
        'touchpoints' as source_system,
        tickets.ticket_id as source_record_id
    from {{ ref("stg_touchpoints__tickets") }} as tickets
    left join {{ ref("int_contacts_resolved") }} as resolved
        on concat('ticket:', tickets.ticket_id) = resolved.touchpoint_id
),

surveys as (
    select
        concat('survey:', surveys.survey_id, ':', surveys.question) as touchpoint_id,
        resolved.customer_id,
        surveys.answered_at as occurred_at,
        'survey' as channel,
        concat('survey_', surveys.question) as kind,
        cast(surveys.score as {{ dbt.type_string() }}) as subject,
        'touchpoints' as source_system,
        surveys.survey_id as source_record_id
    from {{ ref("stg_touchpoints__surveys") }} as surveys
    left join {{ ref("int_contacts_resolved") }} as resolved
        on concat('survey:', surveys.survey_id, ':', surveys.question) = resolved.touchpoint_id
),

web_events as (
    select
        concat('web:', events.web_event_id) as touchpoint_id,
        resolved.customer_id,
        events.occurred_at,
        'web' as channel,
        concat('web_', events.event) as kind,
        coalesce(events.product_no, events.url) as subject,
        'touchpoints' as source_system,
        events.web_event_id as source_record_id
    from {{ ref("stg_touchpoints__web_events") }} as events
    left join {{ ref("int_contacts_resolved") }} as resolved
        on concat('web:', events.web_event_id) = resolved.touchpoint_id
),

visits as (
    select
        concat('visit:', visits.visit_id) as touchpoint_id,
        assignment.customer_id,
        visits.visited_at as occurred_at,
        'branch' as channel,
        'visit' as kind,
        concat_ws(': ', visits.kind, visits.outcome) as subject,
        'branch' as source_system,
        visits.visit_id as source_record_id
    from {{ ref("stg_branch__visits") }} as visits
    left join {{ source("identity", "identity_assignment") }} as assignment
        on concat('branch:', visits.customer_no) = assignment.record_id
),

leads as (
    select
        concat('lead:', leads.lead_id) as touchpoint_id,
        assignment.customer_id,
        leads.captured_at as occurred_at,
        leads.lead_source as channel,
        'lead_capture' as kind,
        leads.campaign as subject,
        'leads' as source_system,
        leads.lead_id as source_record_id
    from {{ ref("stg_leads__leads") }} as leads
    left join {{ source("identity", "identity_assignment") }} as assignment
        on concat('leads:', leads.lead_id) = assignment.record_id
)

select * from sales
union all
select * from mails
union all
select * from tickets
union all
select * from surveys
union all
select * from web_events
union all
select * from visits
union all
select * from leads
