-- Sums of a customer's contacts other than sales, before the day of the run.
with contacts as (
    select *
    from {{ ref("int_touchpoints") }}
    where customer_id is not null and occurred_at < {{ as_of_at() }}
),

-- A message counts once, however often it is opened; it is a campaign sent to a customer.
messages as (
    select
        customer_id,
        subject,
        max(case when kind in ('mail_sent', 'mail_delivered') then 1 else 0 end) as is_sent,
        max(case when kind in ('mail_open', 'mail_click') then 1 else 0 end) as is_opened,
        max(case when kind = 'mail_click' then 1 else 0 end) as is_clicked
    from contacts
    where kind like 'mail_%' and subject is not null
    group by customer_id, subject
),

message_sums as (
    select
        customer_id,
        sum(is_sent) as mail_sent_count,
        sum(is_sent * is_opened) as mail_open_count,
        sum(is_sent * is_clicked) as mail_click_count
    from messages
    group by customer_id
),

survey_answers as (
    select
        customer_id,
        kind,
        cast(subject as integer) as score,
        row_number() over (
            partition by customer_id, kind
            order by occurred_at desc, touchpoint_id desc
        ) as recency_rank
    from contacts
    where kind in ('survey_nps', 'survey_csat')
),

latest_answers as (
    select
        customer_id,
        max(case when kind = 'survey_nps' then score end) as nps_score,
        max(case when kind = 'survey_csat' then score end) as csat_score
    from survey_answers
    where recency_rank = 1
    group by customer_id
),

sums as (
    select
        customer_id,
        max(
            case
                when kind not in ('mail_sent', 'mail_delivered', 'mail_soft_bounce', 'mail_hard_bounce')
                    then occurred_at
            end
        ) as last_contact_at,
        count(case when kind in ('ticket', 'complaint') then 1 end) as ticket_count,
        count(case when kind = 'complaint' then 1 end) as complaint_count,
        count(case when kind = 'visit' then 1 end) as visit_count
    from contacts
    group by customer_id
)

select
    sums.*,
    coalesce(message_sums.mail_sent_count, 0) as mail_sent_count,
    coalesce(message_sums.mail_open_count, 0) as mail_open_count,
    coalesce(message_sums.mail_click_count, 0) as mail_click_count,
    latest_answers.nps_score,
    latest_answers.csat_score
from sums
left join message_sums on sums.customer_id = message_sums.customer_id
left join latest_answers on sums.customer_id = latest_answers.customer_id
