with consents as (
    select
        customer_id,
        max(case when channel = 'email' then status end) as email_consent,
        max(case when channel = 'phone' then status end) as phone_consent,
        max(case when channel = 'post' then status end) as post_consent
    from {{ ref("consent") }}
    where purpose = 'marketing'
    group by customer_id
),

-- What they bought before is the safer offer; who has nothing to buy again is offered something new.
offers as (
    select
        customer_id,
        product_no,
        product_name,
        row_number() over (partition by customer_id order by kind, recommendation_rank) as offer_rank
    from {{ ref("recommendation") }}
),

next_best as (
    select
        customer_id,
        product_no,
        product_name
    from offers
    where offer_rank = 1
)

select
    -- who
    customers.customer_id,
    customers.kind,
    customers.lifecycle_stage,
    customers.is_customer,
    customers.salutation,
    customers.title,
    customers.first_name,
    customers.last_name,
    customers.company_name,
    customers.vat_id,
    customers.birth_date,
    customers.is_junk,
    customers.email,
    customers.phone,
    customers.street,
    customers.house_no,
    customers.postal_code,
    customers.city,
    customers.country,
    customers.household_id,
    households.member_count as household_member_count,
    customers.account_id,
    customers.branch_id,
    customers.sales_rep_id,
    customers.first_seen_at,
    customers.first_source,
    customers.became_customer_at,
    customers.source_systems,
    customers.record_count,

    -- what they bought
    metrics.as_of_date,
    metrics.order_count,
    metrics.order_count_365,
    metrics.revenue_amount,
    metrics.revenue_365_amount,
    metrics.margin_amount,
    metrics.margin_365_amount,
    metrics.average_basket_amount,
    metrics.return_share_pct,
    metrics.first_purchase_date,
    metrics.last_purchase_date,
    metrics.days_since_purchase,
    metrics.favourite_channel,
    metrics.favourite_category,

    -- how we are in contact
    metrics.last_contact_at,
    metrics.complaint_count,
    metrics.nps_score,
    metrics.open_rate_pct,
    coalesce(consents.email_consent, 'unknown') as email_consent,
    coalesce(consents.phone_consent, 'unknown') as phone_consent,
    coalesce(consents.post_consent, 'unknown') as post_consent,
    coalesce(consents.email_consent = 'granted', false) as may_email,
    coalesce(consents.phone_consent = 'granted', false) as may_phone,
    coalesce(consents.post_consent = 'granted', false) as may_post,

    -- what to expect
    segments.segment,
    segments.value_class,
    segments.strategy,
    segments.recency_score,
    segments.frequency_score,
    segments.monetary_score,
    clv.clv_amount,
    clv.expected_purchases,
    clv.alive_probability,
    churn.churn_probability,
    churn.risk_band as churn_risk_band,
    churn.reasons as churn_reasons,
    next_best.product_no as next_best_product_no,
    next_best.product_name as next_best_product_name
from {{ ref("customer") }} as customers
left join {{ ref("customer_metrics") }} as metrics on customers.customer_id = metrics.customer_id
left join consents on customers.customer_id = consents.customer_id
left join {{ ref("household") }} as households on customers.household_id = households.household_id
left join {{ ref("customer_segment") }} as segments on customers.customer_id = segments.customer_id
left join {{ ref("customer_clv") }} as clv on customers.customer_id = clv.customer_id
left join {{ ref("customer_churn") }} as churn on customers.customer_id = churn.customer_id
left join next_best on customers.customer_id = next_best.customer_id
